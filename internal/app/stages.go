package app

import (
	"context"
	"errors"
	"fmt"
)

// stage is one part that runs: it works until its context ends, and then finishes what it has.
type stage struct {
	name string
	run  func(ctx context.Context) error
}

// runStages starts the stages in order and waits until ctx ends or one of them fails. Then it stops them in the opposite
// order, each only after those started later are done: the listeners first, the store last.
func runStages(ctx context.Context, stages []stage) error {
	base := context.WithoutCancel(ctx)
	type running struct {
		stage
		stop func()
		done chan error
	}
	failed := make(chan error, len(stages))
	started := make([]running, 0, len(stages))
	for _, s := range stages {
		sub, stop := context.WithCancel(base)
		r := running{stage: s, stop: stop, done: make(chan error, 1)}
		go func() {
			err := r.run(sub)
			if err != nil {
				err = fmt.Errorf("%s: %w", r.name, err)
				failed <- err
			}
			r.done <- err
		}()
		started = append(started, r)
	}
	var errs []error
	select {
	case <-ctx.Done():
	case err := <-failed:
		errs = append(errs, err)
	}
	for i := len(started) - 1; i >= 0; i-- {
		started[i].stop()
		if err := <-started[i].done; err != nil && (len(errs) == 0 || !errors.Is(errs[0], err)) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
