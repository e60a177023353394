package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxFile bounds what is read as a key file, so that a wrong path is told as such: room for 20,000 versions.
const maxFile = 1 << 20

const fileHead = `# Countersign master key: one line for each version, oldest first.
# Keep a copy apart from the backups of the database. Lose it, and what is sealed in the database is lost.
`

// OpenFile reads the key file at path. A file that its group or others may read, write or execute is refused.
func OpenFile(path string) (*Ring, error) {
	text, _, err := readFile(path)
	if err != nil {
		return nil, err
	}
	r, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return r, nil
}

// CreateFile makes a key file with one new version, mode 0600. When it returns nil the file is on disk for good. A file
// that is there already is never touched: the error then is [fs.ErrExist]. No reader and no crash ever sees half a file.
func CreateFile(path string) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // a second name of the file once it is linked
	if err := fill(tmp, []byte(fileHead+newLine())); err != nil {
		return fmt.Errorf("create key file %s: %w", path, err)
	}
	// A link and not a rename, because a rename would replace a key file made meanwhile.
	if err := os.Link(tmp.Name(), path); err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	return syncDir(dir)
}

// RotateFile appends a new version to the key file and returns it. Nothing else in the file changes, nor its mode or owner.
// The file is replaced in one step: a reader sees the old or the new one, and so does the next start after a crash. Of two
// rotations at once one fails. A ring that is open already reads the new version once it has
// learned it ([Ring.Learn]) and writes with it from the next start.
func RotateFile(path string) (KID, error) {
	path, err := filepath.EvalSymlinks(path) // or else the link would be replaced and not the file
	if err != nil {
		return 0, fmt.Errorf("rotate key file: %w", err)
	}
	// This name is the lock: it is taken before the old file is read, and given back by the rename.
	next := path + ".new"
	tmp, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("rotate key file: another rotation is under way, or was cut short; if none runs, remove %s and try again", next)
	}
	if err != nil {
		return 0, fmt.Errorf("rotate key file: %w", err)
	}
	k, err := appendVersion(path, tmp)
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		_ = os.Remove(next) // the error in hand matters more
		return 0, fmt.Errorf("rotate key file %s: %w", path, err)
	}
	return k, syncDir(filepath.Dir(path))
}

// appendVersion writes the key file at path and one more version into tmp, with the same owner and mode, and closes it.
func appendVersion(path string, tmp *os.File) (KID, error) {
	defer func() { _ = tmp.Close() }() // a second close after fill's, which reports its error
	text, info, err := readFile(path)
	if err != nil {
		return 0, err
	}
	if n := len(text); n > 0 && text[n-1] != '\n' {
		text = append(text, '\n')
	}
	text = append(text, newLine()...)
	ring, err := Parse(text)
	if err != nil {
		return 0, err
	}
	// Root may rotate the key of a server that runs as someone else.
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := tmp.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return 0, fmt.Errorf("keep the owner: %w", err)
		}
	}
	if err := tmp.Chmod(info.Mode().Perm()); err != nil {
		return 0, err
	}
	return ring.Current(), fill(tmp, text)
}

// readFile reads a key file after a look at its kind and mode, taken from the open file so that it can't change between.
func readFile(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("key file: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("key file: %w", err)
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, nil, fmt.Errorf("key file %s is not a regular file", path)
	case mode.Perm()&0o077 != 0:
		return nil, nil, fmt.Errorf("key file %s is open to its group or to others (mode %04o): run chmod 600 %s", path, mode.Perm(), path)
	case info.Size() > maxFile:
		return nil, nil, fmt.Errorf("key file %s is larger than %d bytes; is it the right file?", path, maxFile)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, nil, fmt.Errorf("key file: %w", err)
	}
	return text, info, nil
}

// newLine is a line with a new key.
func newLine() string {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails since Go 1.24
	return base64.StdEncoding.EncodeToString(key) + "\n"
}

// fill writes text to f, brings it to disk and closes f.
func fill(f *os.File, text []byte) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir brings the names in dir to disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory of the key file: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory of the key file: %w", err)
	}
	return nil
}
