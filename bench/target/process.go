// Package target starts the servers that the benchmark measures, watches what they use, and stops them.
//
// Every server is a child process on loopback with a folder of its own. What a process uses is read from /proc, over
// its whole tree, so that a server behind strace and a database with many backends count as what they are. Linux only.
package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Process is a child with its descendants.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the child has been waited for
	stop syscall.Signal
}

// start begins cmd with its output in the file log.
func start(name string, cmd *exec.Cmd, log string, stop syscall.Signal) (*Process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{name: name, cmd: cmd, log: f, done: make(chan struct{}), stop: stop}
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(p.done)
	}()
	return p, nil
}

// Stop asks the process to end, and ends its whole tree when it has not after ten seconds.
func (p *Process) Stop() {
	pids := p.tree()
	if servers := p.servers(); len(servers) > 0 { // strace ends with what it watches
		_ = syscall.Kill(servers[0], p.stop) // gone already: done is closed soon
	}
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-p.done
	}
	_ = p.log.Close()
}

// tree lists the process and its descendants, parents first.
func (p *Process) tree() []int {
	pids := []int{p.cmd.Process.Pid}
	for i := 0; i < len(pids); i++ {
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pids[i])) // gone: no children
		for _, task := range tasks {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pids[i], task.Name()))
			for _, child := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(child); err == nil {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}

// Usage is what a process tree has used.
type Usage struct {
	CPU  time.Duration // user and system, since the start, to a hundredth of a second
	Peak int64         // bytes: the peak of one process, or what the processes of a tree take now, shared pages split
}

// servers are the processes of the tree without strace, parents first.
func (p *Process) servers() []int {
	return slices.DeleteFunc(p.tree(), func(pid int) bool { return comm(pid) == "strace" })
}

// Usage reads what p and its descendants have used. A nil process uses nothing.
func (p *Process) Usage() Usage {
	var u Usage
	if p == nil {
		return u
	}
	pids := p.servers()
	for _, pid := range pids {
		u.CPU += cpu(pid)
		if len(pids) == 1 {
			u.Peak = kilobytes(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
		} else {
			u.Peak += kilobytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")
		}
	}
	return u
}

// Resident is the memory of the server itself now, in bytes; 0 when it is gone.
func (p *Process) Resident() int64 {
	pids := p.servers()
	if len(pids) == 0 {
		return 0
	}
	return kilobytes(fmt.Sprintf("/proc/%d/status", pids[0]), "VmRSS:")
}

func comm(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // gone: no name
	return strings.TrimSpace(string(text))
}

// cpu is user and system time of one process and of the children it has waited for.
func cpu(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0 // gone
	}
	return parseCPU(string(text))
}

// parseCPU reads fields 14 to 17 of proc_pid_stat(5), which count hundredths of a second on Linux.
func parseCPU(stat string) time.Duration {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // the name before it may hold spaces
	var ticks int64
	for i := 11; i < 15 && i < len(fields); i++ {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// kilobytes reads a line such as "VmHWM:   1234 kB" of a file under /proc, in bytes; 0 when there is none.
func kilobytes(file, key string) int64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// freeAddr is a loopback address with a port that was free a moment ago.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// ready waits until url answers 200, at most limit long, and says how long it took.
func ready(ctx context.Context, p *Process, url string, limit time.Duration) (time.Duration, error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("not ready in time"))
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if answers(ctx, url) {
			return time.Since(begin), nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return 0, fmt.Errorf("%s ended before it was ready; its log is %s", p.name, p.log.Name())
		case <-ctx.Done():
			return 0, fmt.Errorf("%s: %w; its log is %s", p.name, context.Cause(ctx), p.log.Name())
		}
	}
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
