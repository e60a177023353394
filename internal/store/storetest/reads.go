package storetest

import (
	"testing"

	"github.com/countersign/countersign/internal/store"
)

// runReads runs the tests of what operators read.
func runReads(t *testing.T, engine Open) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, e store.Engine)
	}{
		{"four_followers_count_each_event_once", counted},
		{"counts_are_added_only_from_where_the_position_was", guarded},
		{"counts_and_failures_are_swept", talliesSwept},
		{"events_are_browsed_by_what_they_are_and_of_one_tenant", browsed},
		{"browsing_looks_at_a_bounded_number_and_passes_over_empty_hours", browsedFar},
		{"an_event_proves_that_it_is_as_it_was_sealed", proved},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.test(t, engine(t)) })
	}
}
