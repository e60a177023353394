package invite

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// away is a directory that can't be reached.
type away struct{}

func (away) Tenant(context.Context, uid.Tenant) (tenant.Tenant, error) {
	return tenant.Tenant{}, errors.New("connection refused")
}

func TestRA_57_why_one_of_several_failed_is_logged_without_naming_anybody(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := &Service{Now: time.Now, cfg: Config{PublicURL: "https://verify.example.net"}, tenants: away{}, log: slog.New(slog.NewTextHandler(&log, nil))}
	by := Caller{RequestID: "req_1"}
	answers, err := s.CreateMany(t.Context(), []CreateRequest{
		{Caller: by, FirstName: strings.Repeat("n", MaxName+1), LastName: "Lee", Mobile: "+12025550123"},
		{Caller: by, FirstName: "Ann", LastName: "Lee", Mobile: "+12025550123"},
	})
	if err != nil || answers[0].Err == nil || answers[1].Err == nil {
		t.Fatalf("%+v, %v", answers, err)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `request_id=req_1 row=1 error="connection refused"`) ||
		strings.Contains(got, "Ann") || strings.Contains(got, "2025550123") {
		t.Errorf("logged %s", got)
	}
}
