package invite

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// JobImport is the job that makes the next invitations of an import of which N rows are done with.
const JobImport outbox.Kind = "invitation_import"

// importStep is how many rows one commit is done with: few, so that a commit holds nobody up and what a kill undoes is little; several,
// since each commit costs a trip to the disk.
const importStep = 20

// patience is after how many tries a step that can't be made for the present is tried at an even pace, about once a minute. They count as
// attempts before that alone, so that an outage does not use up the attempts that are there for steps which kill their server.
const patience = 5

// settled is how many rows are done with.
func (i *Import) settled() int { return i.Created + i.Failed }

// next is the job for what is left.
func (i *Import) next(now time.Time) outbox.Job {
	return outbox.Job{ID: uid.New(now, i.ID.Bucket()), Kind: JobImport, Tenant: i.Tenant, Object: i.ID, N: i.settled(), Due: now.Round(0).UTC()}
}

// HandleImport makes the next invitations of an import, with their links on their way, by the settings of this moment (RA-16). Rows,
// invitations, counts, the end of this job and the job for the rest are one commit: after a kill the step is made again as a whole or was
// made as a whole. A job whose turn has passed does nothing, so that two holders of one make nothing twice.
func (s *Service) HandleImport(ctx context.Context, j outbox.Job) outbox.Verdict {
	step, err := s.importStep(ctx, j)
	if err == nil && len(step.rows) > 0 {
		err = s.store.StepImport(ctx, j.Tenant, j.Object, step.decide(j))
	}
	switch {
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrStale): // it was removed; another holder was faster
		return outbox.Finish()
	case err != nil:
		v := s.later(j, err)
		v.Unbegun = j.Attempt >= patience
		return v
	case len(step.rows) == 0:
		return outbox.Finish()
	}
	return outbox.Done()
}

// importing is one step on its way.
type importing struct {
	now  time.Time
	rows []ImportRow // done with
	made []Made
	jobs []outbox.Job
}

// importStep reads the rows whose turn it is and drafts their invitations.
func (s *Service) importStep(ctx context.Context, j outbox.Job) (step importing, err error) {
	step.now = s.moment()
	im, err := s.store.Import(ctx, j.Tenant, j.Object)
	if err != nil {
		return step, err
	}
	if im.settled() != j.N {
		return step, ErrStale
	}
	waiting, err := s.store.ImportRows(ctx, im.Tenant, im.ID, RowFilter{Waiting: true, Limit: importStep})
	if err != nil || len(waiting) == 0 {
		return step, err
	}
	base := making{Service: s, r: &CreateRequest{Caller: Caller{Tenant: im.Tenant}}, now: step.now, file: im.ID}
	if err := base.settings(ctx); err != nil {
		return step, err
	}
	if !base.owner.SuspendedAt.IsZero() { // as their key would be refused
		return step, fault.New(fault.Denied, "account_suspended", "The account is suspended.")
	}
	for _, row := range waiting {
		if err := step.row(ctx, &base, &im, row); err != nil {
			return step, err
		}
	}
	return step, nil
}

// row drafts the invitation of a row, or has it fail. An error is ours.
func (step *importing) row(ctx context.Context, base *making, im *Import, row ImportRow) error {
	m := *base
	m.id = row.Invitation
	asked := fileRow{n: row.N}
	if err := m.openRow(im, row.N, sealImportRow, row.Sealed, &asked.cells); err != nil {
		return err
	}
	switch _, err := m.fromRow(ctx, &asked, im); {
	case err == nil:
		row.State, row.Sealed = RowCreated, nil
		step.jobs = append(step.jobs, m.linkJobs(m.v)...)
		step.made = append(step.made, Made{Invitation: *m.v, Events: []audit.Event{m.event()}})
	case notTheirs(err):
		return err
	default:
		row.refuse(RowFailed, err)
	}
	step.rows = append(step.rows, row)
	return nil
}

// decide counts the step and says what follows.
func (step *importing) decide(j outbox.Job) StepDecide {
	return func(im *Import) (ImportStep, error) {
		if im.settled() != j.N {
			return ImportStep{}, ErrStale
		}
		out := ImportStep{Rows: step.rows, Made: step.made}
		out.Effects.Jobs, out.Effects.Done = append(out.Effects.Jobs, step.jobs...), []outbox.Ref{j.Ref()}
		im.Created += len(step.made)
		im.Failed += len(step.rows) - len(step.made)
		if im.settled() < im.Accepted {
			out.Effects.Jobs = append(out.Effects.Jobs, im.next(step.now))
			return out, nil
		}
		im.FinishedAt = step.now
		out.Effects.Events = []audit.Event{im.event(EventImportFinished, system(), step.now)}
		return out, nil
	}
}
