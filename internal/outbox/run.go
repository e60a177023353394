package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// The words for what a handler had no say in, beside its outcomes in the metrics.
const (
	panicked  Outcome = "panicked"
	unhandled Outcome = "unhandled"
	worn      Outcome = "worn"
)

// run does one job under its lease and settles it.
func (w *Worker) run(work context.Context, j Job) {
	ctx, cancel := context.WithTimeout(work, j.LeaseLeft(w.Now())-leaseMargin)
	defer cancel()
	v, outcome := w.handle(ctx, j)
	w.meters.count(j.Kind, outcome)

	settle, done := context.WithTimeout(context.WithoutCancel(work), settleTime)
	defer done()
	if err := w.settle(settle, j, v); err != nil {
		w.log(slog.LevelWarn, j, v, "job could not be settled; it is taken over when its lease ends", err)
	}
}

// handle asks the kind's handler, and answers for it where there is none, it panics, or the job has killed its
// holders too often. The Outcome is what the metrics count.
func (w *Worker) handle(ctx context.Context, j Job) (v Verdict, counted Outcome) {
	handler, ok := w.handlers[j.Kind]
	switch {
	case j.Taken && j.Attempt >= maxFaults:
		return Bury("its holders stopped while they ran it"), worn
	case !ok: // it may be of a newer version that runs beside this one during an upgrade
		return w.tryLater(j, "no handler for this kind").Unrecorded(j.Taken), unhandled
	}
	defer func() {
		if p := recover(); p != nil {
			w.cfg.Log.Error("job handler panicked", "job", j.ID.Text(uid.Job), "kind", string(j.Kind),
				"panic", panicText(p), "stack", string(debug.Stack()))
			v, counted = w.tryLater(j, "its handler panicked").Unrecorded(true), panicked
		}
	}()
	v = handler(ctx, j)
	return v, v.Outcome
}

// panicText is what may be logged of a panic: the text of one by the runtime, which holds numbers and types, and of any
// other only the type, since its text may hold anything.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

func (w *Worker) tryLater(j Job, reason string) Verdict {
	if j.Attempt+1 >= maxFaults {
		return Bury(reason)
	}
	return RetryAt(w.Now().Add(j.Backoff(time.Second, 10*time.Minute)), reason)
}

func (w *Worker) settle(ctx context.Context, j Job, v Verdict) error {
	switch v.Outcome {
	case Committed:
		return nil
	case Finished:
		return w.store.Finish(ctx, j.Ref(), w.cfg.Node)
	case Retried:
		if v.Unbegun {
			w.log(slog.LevelDebug, j, v, "job put off", nil)
			return w.store.Retry(ctx, j.Ref(), w.cfg.Node, v.At, j.Attempt, v.Taken)
		}
		w.log(slog.LevelInfo, j, v, "job put back", nil)
		return w.store.Retry(ctx, j.Ref(), w.cfg.Node, v.At, j.Attempt+1, v.Taken)
	case Buried:
		w.log(slog.LevelError, j, v, "job given up; it is kept as a dead letter", nil)
		return w.store.Bury(ctx, j.Ref(), w.cfg.Node, v.Reason)
	}
	return fmt.Errorf("handler answered no verdict")
}

func (w *Worker) log(level slog.Level, j Job, v Verdict, message string, err error) {
	attrs := []any{"job", j.ID.Text(uid.Job), "kind", string(j.Kind), "tenant", j.Tenant.Text(), "attempt", j.Attempt}
	if v.Reason != "" {
		attrs = append(attrs, "reason", v.Reason)
	}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	w.cfg.Log.Log(context.Background(), level, message, attrs...)
}
