package e2e

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
)

// childVariable names the configuration file of a server; with it set, the test binary is that server.
const childVariable = "E2E_SERVER_CONFIG"

// atOnce is how many tests run side by side, whatever the number of cores: most of them wait for a process.
const atOnce = "6"

func TestMain(m *testing.M) {
	if file := os.Getenv(childVariable); file != "" {
		os.Exit(serve(file))
	}
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	postgrestest.Main(m)
}

// serve is `countersign serve --config file`, with the log that production has.
func serve(file string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := app.Load(app.Options{File: file})
	if err == nil {
		err = app.Serve(ctx, cfg, slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}
