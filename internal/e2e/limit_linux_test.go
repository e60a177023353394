package e2e

import (
	"syscall"
	"testing"
	"unsafe"
)

// limitFiles sets how large files may become that a running server writes (setrlimit(2), RLIMIT_FSIZE).
func limitFiles(t *testing.T, s *server, size uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: size, Max: 1 << 40}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(s.cmd.Process.Pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatalf("prlimit: %v", errno)
	}
}
