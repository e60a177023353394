// Package browsertest is what tests of pages share: a Chromium that can reach nothing but this machine, tabs that watch what
// a page asks for and complains of, one way to wait, the rules that every page is held to, and pictures.
//
// The tests of a package share one Chromium. Each tab has cookies, storage and a focus of its own, as the browser of another
// person has, so tests may use tabs side by side. All wait by Tab.Wait and what is made of it: a wait that fails tells what the
// page says, where it is, and where its picture is.
//
// It needs what scripts/setup installs: Chromium, and axe-core in tools/axe.
package browsertest

import (
	"context"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// shared is the Chromium of the tests that run, which is stopped when none of them needs it any more.
var shared struct {
	sync.Mutex
	users int             // guarded by the lock, as the others are
	ctx   context.Context // of chromedp
	stop  func()
}

// Start gives a Chromium with an empty profile that can reach nothing but this machine. It runs until the last test that
// asked for it has ended.
func Start(t *testing.T) context.Context {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.users == 0 {
		launch(t)
	}
	shared.users++
	t.Cleanup(func() {
		shared.Lock()
		defer shared.Unlock()
		if shared.users--; shared.users == 0 {
			shared.stop()
		}
	})
	return shared.ctx
}

// launch starts the Chromium that is shared, whose lock is held.
func launch(t *testing.T) {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Fatal("no Chromium on this machine: `make test` installs it as root on Debian; elsewhere install chromium by hand")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.NoSandbox, // a test often runs as root, where there is no sandbox
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, leave := chromedp.NewContext(allocator)
	shared.ctx, shared.stop = ctx, func() { leave(); stop() }
	if err := chromedp.Do(ctx); err != nil {
		shared.stop()
		t.Fatalf("start %s: %v", path, err)
	}
}
