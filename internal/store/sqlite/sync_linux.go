package sqlite

import (
	"os"
	"syscall"
)

// syncData syncs what is in the file and what it takes to read it: its times can wait.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
