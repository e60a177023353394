package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// keyFile makes a key file and returns its path.
func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := CreateFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// alone fails the test when anything but the key file is left in its directory.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("left behind beside the key file: %v", entries)
	}
}

func TestCreateFile_makes_one_random_version_that_only_its_owner_reads(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode %v, want -rw-------", info.Mode())
	}
	r, err := OpenFile(path)
	if err != nil || r.Current() != 1 {
		t.Fatalf("OpenFile: %v", err)
	}
	if read(t, path) == read(t, keyFile(t)) {
		t.Error("two files hold the same key")
	}
	alone(t, path)
}

func TestCreateFile_never_overwrites(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	before := read(t, path)
	if err := CreateFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want fs.ErrExist", err)
	}
	if read(t, path) != before {
		t.Error("the key file changed")
	}
	alone(t, path)
}

func TestCreateFile_of_many_at_once_one_wins(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	results := make([]error, 16)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			results[i] = CreateFile(path)
			if _, err := OpenFile(path); err != nil {
				t.Errorf("a key file was seen that can't be read: %v", err)
			}
		})
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d made the file, want 1", won)
	}
}

func TestOpenFile_refuses_a_file_open_to_others_and_says_what_to_do(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o666} {
		path := keyFile(t)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for name, open := range map[string]func() error{
			"OpenFile":   func() error { _, err := OpenFile(path); return err },
			"RotateFile": func() error { _, err := RotateFile(path); return err },
		} {
			if err := open(); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
				t.Errorf("%s, mode %o: error %v, want the remedy", name, mode, err)
			}
		}
	}
	path := keyFile(t)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(path); err != nil {
		t.Errorf("mode 400: %v", err)
	}
}

func TestOpenFile_tells_what_is_wrong_with_the_file(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad, large := filepath.Join(dir, "bad"), filepath.Join(dir, "large")
	for path, text := range map[string]string{bad: line(1) + "x\n", large: strings.Repeat("#", maxFile+1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		dir:                          "not a regular file",
		filepath.Join(dir, "absent"): "no such file",
		bad:                          "line 2",
		large:                        "larger than",
	} {
		if _, err := OpenFile(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("OpenFile(%s): %v, want %q and the path", path, err, want)
		}
	}
}

func TestSEC_95_RotateFile_appends_a_version_and_keeps_the_rest(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	before := read(t, path)
	p := Place{Purpose: "p", Tenant: tenant()}
	old, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := old.Seal(p, []byte("v"))
	for want := KID(2); want < 4; want++ {
		if k, err := RotateFile(path); err != nil || k != want {
			t.Fatalf("RotateFile = %d, %v, want %d", k, err, want)
		}
	}
	if after := read(t, path); !strings.HasPrefix(after, before) || len(after) == len(before) {
		t.Errorf("the file was not appended to:\n%s", after)
	}
	r, err := OpenFile(path) // and the mode is right, or it would be refused
	if err != nil || r.Current() != 3 {
		t.Fatalf("OpenFile: %v", err)
	}
	if _, err := r.Open(p, sealed); err != nil {
		t.Errorf("an old value: %v", err)
	}
	alone(t, path)
}

func TestRotateFile_ends_a_last_line_that_has_no_end(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, []byte(strings.TrimSpace(line(1))), 0o400); err != nil {
		t.Fatal(err)
	}
	if k, err := RotateFile(path); err != nil || k != 2 {
		t.Errorf("RotateFile = %d, %v, want 2", k, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o400 {
		t.Errorf("mode %v, %v, want it kept", info.Mode(), err)
	}
}

func TestRotateFile_follows_a_symbolic_link(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := RotateFile(link); err != nil {
		t.Fatal(err)
	}
	if r, err := OpenFile(path); err != nil || r.Current() != 2 {
		t.Errorf("the file behind the link was not rotated: %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Error("the link was replaced")
	}
}

func TestRotateFile_leaves_a_file_it_can_not_read_as_it_is(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, []byte("broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := RotateFile(path); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("error %v, want line 1", err)
	}
	if read(t, path) != "broken\n" {
		t.Error("the file changed")
	}
	alone(t, path)
}

func TestRotateFile_of_many_at_once_loses_no_version(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	var mu sync.Mutex
	var versions []KID
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			k, err := RotateFile(path)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				versions = append(versions, k)
			} else if !strings.Contains(err.Error(), "another rotation") {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(versions) == 0 || r.Current() != KID(1+len(versions)) {
		t.Errorf("%d rotations said yes and the file has version %d", len(versions), r.Current())
	}
	alone(t, path)
}
