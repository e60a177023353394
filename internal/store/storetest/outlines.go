package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// outlines holds the list of outlines to the rows that it is of.
func outlines(t *testing.T, engine store.Engine) {
	db := Start(t, engine, nil)
	tenant := uid.NewTenant(now())
	var all []verify.Outline // oldest first
	var mine *verify.Verification
	for i := range 12 {
		v := sample(tenant)
		switch i % 4 {
		case 1:
			v.Status, v.Sends = verify.Denied, nil
		case 2:
			v.Country, v.Sends = "GB", append(v.Sends, verify.Send{N: 2, Channel: delivery.Voice, Generation: 2, At: v.CreatedAt.Add(time.Minute)})
		}
		create(t, db, v)
		mine = v
		all = append(all, verify.Outline{ID: v.ID, Service: v.Service, Kind: v.Kind, Country: v.Country, Status: v.Status, Sends: v.Sends,
			Recipient: v.Recipient})
	}
	create(t, db, sample(uid.NewTenant(now()))) // another tenant's
	slices.SortFunc(all, func(a, b verify.Outline) int { return strings.Compare(string(a.ID[:]), string(b.ID[:])) })
	for _, c := range []struct {
		name string
		span verify.Span
		from int // of all
		to   int
	}{
		{"all", verify.Span{}, 0, 12},
		{"from an id on, which is in it", verify.Span{From: all[3].ID}, 3, 12},
		{"below an id, which is not", verify.Span{Below: all[3].ID}, 0, 3},
		{"one", verify.Span{From: all[5].ID, Below: all[5].ID.Next()}, 5, 6},
		{"none", verify.Span{From: all[5].ID, Below: all[5].ID}, 5, 5},
		{"before all", verify.Span{Below: uid.Floor(all[0].ID.Time().Add(-time.Hour))}, 0, 0},
	} {
		for _, numbers := range []bool{false, true} {
			for _, oldest := range []bool{false, true} {
				want := slices.Clone(all[c.from:c.to])
				for i := range want {
					if !numbers {
						want[i].Recipient = nil
					}
				}
				if !oldest {
					slices.Reverse(want)
				}
				c.span.Numbers, c.span.OldestFirst = numbers, oldest
				for _, limit := range []int{2, 100} {
					c.span.Limit = limit
					got, err := db.Outlines(t.Context(), tenant, c.span)
					if diff := cmp.Diff(want[:min(limit, len(want))], append([]verify.Outline{}, got...), sameTimes); err != nil || diff != "" {
						t.Errorf("%s, numbers %v, oldest first %v, limit %d: %v; want -, got +:\n%s", c.name, numbers, oldest, limit, err, diff)
					}
				}
			}
		}
	}
	got, err := db.Outlines(t.Context(), tenant, verify.Span{Bucket: mine.ID.Bucket(), BlindIndex: &mine.BlindIndex, Limit: 10})
	if err != nil || len(got) != 1 || got[0].ID != mine.ID {
		t.Errorf("of one recipient: %v %v", got, err)
	}
}
