package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// Assets are the scripts, styles and images of an edge. Each is served under a name that holds a hash of its content,
// so that browsers may keep it for good and never see an old one with a new page.
type Assets struct {
	prefix string
	urls   map[string]string // "phone.css" -> "/dev/phone/assets/phone.0123456789ab.css"
	files  map[string]asset  // by the last part of the URL
}

type asset struct {
	contentType string
	body        []byte
}

// NewAssets reads the files at the top of fsys, to be served below prefix, which ends in a slash.
func NewAssets(fsys fs.FS, prefix string) (*Assets, error) {
	a := &Assets{prefix: prefix, urls: map[string]string{}, files: map[string]asset{}}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	for _, e := range entries {
		body, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return nil, fmt.Errorf("read asset %s: %w", e.Name(), err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.urls[e.Name()] = prefix + name
		a.files[name] = asset{contentType: mime.TypeByExtension(ext), body: body}
	}
	return a, nil
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
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}
