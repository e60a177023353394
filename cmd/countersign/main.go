// Command countersign runs a Countersign server and everything that is done to one: its tenants and keys, its audit log,
// its backups. A command reads its arguments, calls one thing in package app, or the API of a running server through the
// SDK, and prints what came of it. It decides nothing.
//
// What a command answers is on standard output, for people, or as JSON with --json. Everything else, errors, progress
// and the server's log, is on standard error.
//
// Exit codes: 0, it is done; 1, it is not, and the message says what to do; 2, the command line can't be understood; 3, the
// configuration has faults, and all of them are told with their lines; 4, the thing was looked at and is not good: a wrong
// code, an audit log that was tampered with, a fault that doctor found.
//
// SIGINT and SIGTERM let a command finish what it has begun; a second one ends it at once.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal does what it does to any program
	os.Exit(run(ctx, os.Args[1:], &shell{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
}
