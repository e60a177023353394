package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed design
var design embed.FS

// Design is the folder of what the pages of all edges share: tokens.css, which stands before an edge's own style.
func Design() fs.FS {
	sub, err := fs.Sub(design, "design")
	if err != nil {
		panic(err) // only a path that is no path is refused
	}
	return sub
}

// Assets are the scripts, styles and images of an edge. Each is served under a name that holds a hash of its content,
// so that browsers may keep it for good and never see an old one with a new page. They are the same for everybody, so they
// may travel compressed; pages may not, since they hold tokens beside what others can choose (BREACH).
type Assets struct {
	prefix string
	urls   map[string]string // "phone.css" -> "/dev/phone/assets/phone.0123456789ab.css"
	files  map[string]asset  // by the last part of the URL
}

type asset struct {
	contentType string
	body        []byte
	packed      func() []byte // gzip of body, made when it is first asked for; nil where that saves less than a tenth
}

// contentTypes are those of what assets may be. Package mime reads what the machine thinks of them, which takes time and may differ.
var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// NewAssets reads the files at the top of each folder, to be served below prefix, which ends in a slash. Of two files with one
// name the later is served.
func NewAssets(prefix string, folders ...fs.FS) (*Assets, error) {
	a := &Assets{prefix: prefix, urls: map[string]string{}, files: map[string]asset{}}
	for _, folder := range folders {
		if err := a.add(folder); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// add reads one folder.
func (a *Assets) add(folder fs.FS) error {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return fmt.Errorf("read assets: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		body, err := fs.ReadFile(folder, e.Name())
		if err != nil {
			return fmt.Errorf("read asset %s: %w", e.Name(), err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		kind, ok := contentTypes[ext]
		if !ok {
			return fmt.Errorf("asset %s: its kind is not known", e.Name())
		}
		a.urls[e.Name()] = a.prefix + name
		a.files[name] = asset{contentType: kind, body: body, packed: sync.OnceValue(func() []byte { return pack(body) })}
	}
	return nil
}

// pack is body compressed, nil when that is hardly smaller.
func pack(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(body)                                  // a buffer takes everything
	_ = w.Close()
	if b.Len() > len(body)*9/10 {
		return nil
	}
	return b.Bytes()
}

// URL is where the file of that name is served. An unknown name is an error, which stops the page that asks for it.
func (a *Assets) URL(name string) (string, error) {
	url, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return url, nil
}

// ServeHTTP answers what lies below the prefix.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[strings.TrimPrefix(r.URL.Path, a.prefix)]
	if !ok {
		WriteProblem(w, r, ErrNoSuchRoute)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	body := f.body
	if packed := f.packed(); packed != nil {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = packed
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// takesGzip reports whether the client asked for gzip by name and didn't refuse it with q=0 (RFC 9110 §12.5.3).
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if strings.EqualFold(coding, "gzip") {
			return strings.Trim(strings.TrimPrefix(strings.ToLower(weight), "q="), "0.") != "" || weight == ""
		}
	}
	return false
}
