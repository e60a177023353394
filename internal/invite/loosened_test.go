package invite_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

func TestRA_17_what_follows_from_a_loosened_setting_commits_with_it(t *testing.T) {
	t.Parallel()
	d := setup(t)
	s, err := invite.New(invite.Config{PublicURL: "https://verify.example"}, invite.Deps{Store: d.db, Ring: d.ring, Verify: d.verify, Tenants: d.world,
		Notifier: d.world, Log: slog.New(slog.DiscardHandler), Loosened: func(of uid.Tenant, actor string, what []policy.Loosening, now time.Time) []outbox.Job {
			if want := (policy.Loosening{Setting: "mobile_2fa", From: "yes_required", To: "no_optional"}); actor != d.by.Actor || len(what) != 1 || what[0] != want {
				t.Errorf("told of %v by %s", what, actor)
			}
			return []outbox.Job{{ID: uid.Random(now), Kind: "loosened", Tenant: of, Object: uid.ID(of), Due: now}}
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.Now = d.world.time
	follows := func() (n int) {
		jobs, err := d.db.Claim(d.ctx(), uid.Random(d.world.time()), d.world.time().Add(time.Hour), d.world.time().Add(48*time.Hour), 100, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if j.Kind == "loosened" && j.Tenant == d.by.Tenant {
				n++
			}
		}
		return n
	}
	version := int64(0)
	for _, step := range []struct {
		mode policy.Mode
		want int
	}{{policy.YesRequired, 0}, {policy.NoOptional, 1}, {policy.YesRequired, 0}} {
		c := policy.DefaultChecks()
		c.Mobile2FA = step.mode
		c, err := s.SetChecks(d.ctx(), d.by, c, version)
		if err != nil {
			t.Fatal(err)
		}
		if got := follows(); got != step.want {
			t.Errorf("%s: %d jobs, want %d", step.mode, got, step.want)
		}
		version = c.Version
	}
	if _, err := s.SetChecks(d.ctx(), d.by, policy.Checks{}, 0); err == nil || follows() != 0 {
		t.Errorf("a refused change: %v", err)
	}
}
