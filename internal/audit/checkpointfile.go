package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// CheckpointFile is where checkpoints go outside the database: one JSON object a line, only ever appended to. It is
// what shows that the end of the log was cut off, or that the whole of it was made anew, so it belongs on another
// disk or machine. Two servers must not share one.
type CheckpointFile struct{ path string }

// checkpointLine is one line of the file.
type checkpointLine struct {
	At   time.Time `json:"at"`
	Note string    `json:"note"`
}

// NewCheckpointFile names a checkpoint file. It is made, readable to all, with the first checkpoint.
func NewCheckpointFile(path string) *CheckpointFile { return &CheckpointFile{path: path} }

// Append writes c and returns when it is on the disk.
func (f *CheckpointFile) Append(c Checkpoint) error {
	line, err := json.Marshal(checkpointLine{At: c.At, Note: string(c.Note)})
	if err != nil {
		return fmt.Errorf("append checkpoint: %w", err)
	}
	file, made, err := openAppend(f.path)
	if err != nil {
		return fmt.Errorf("open checkpoint file: %w", err)
	}
	if err := appendLine(file, line); err != nil {
		_ = file.Close() // the first error is the one to tell
		return fmt.Errorf("append checkpoint: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("append checkpoint: %w", err)
	}
	if made {
		return syncDir(filepath.Dir(f.path))
	}
	return nil
}

// Read returns the whole file, nil when there is none yet.
func (f *CheckpointFile) Read() ([]byte, error) {
	data, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func openAppend(path string) (file *os.File, made bool, err error) {
	const mode = os.O_RDWR | os.O_APPEND
	file, err = os.OpenFile(path, mode, 0)
	if !errors.Is(err, os.ErrNotExist) {
		return file, false, err
	}
	file, err = os.OpenFile(path, mode|os.O_CREATE, 0o644) // public: it holds sizes and hashes alone
	return file, true, err
}

// appendLine writes line after a line feed of its own, and first ends a line that a crash has left half-written.
func appendLine(file *os.File, line []byte) error {
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if end > 0 {
		var last [1]byte
		if _, err := file.ReadAt(last[:], end-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := file.Write(line); err != nil {
		return err
	}
	return file.Sync()
}

// syncDir makes the name of a new file as durable as the file.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory of checkpoint file: %w", err)
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// outsideCheckpoint is one line of a checkpoint file, read.
type outsideCheckpoint struct {
	line int    // from 1
	note []byte // nil when the line could not be read
	torn bool   // it could not be read and is the last, without a line feed
}

// parseCheckpointFile splits the content of a checkpoint file. A line that cannot be read is an answer, not an error:
// a crash may have cut it, and every later checkpoint covers what it covered.
func parseCheckpointFile(data []byte) []outsideCheckpoint {
	var list []outsideCheckpoint
	for n := 1; len(data) > 0; n++ {
		line, rest, ended := bytes.Cut(data, []byte{'\n'})
		data = rest
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var c checkpointLine
		if err := json.Unmarshal(line, &c); err != nil || c.Note == "" {
			list = append(list, outsideCheckpoint{line: n, torn: !ended})
			continue
		}
		list = append(list, outsideCheckpoint{line: n, note: []byte(c.Note)})
	}
	return list
}
