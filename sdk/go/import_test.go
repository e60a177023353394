package countersign

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

const importAnswer = `{"id":"imp_1","status":"running","rows":3,"accepted":2,"created":1,"failed":0,"created_at":"2026-11-21T12:00:00.000Z",
"open":1,"rejected":[{"row":3,"field":"mobile","code":"invitation_open","detail":"This number has an open invitation.","open_invitation":"inv_1"}],"new_in_a_later_release":true}`

const people = "first_name,last_name,mobile\nAnn,Lee,+12025550123\n"

func TestRequestsForImportsAreAsTheAPITakesThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]request{
		"import": {importAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.ImportInvitations(ctx, ImportRequest{CSV: []byte(people), IdempotencyKey: "k-1"})
			return err
		}},
		"import-dry": {importAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.ImportInvitations(ctx, ImportRequest{CSV: []byte(people), DryRun: true, IdempotencyKey: "k-2"})
			return err
		}},
		"import-again": {importAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.ImportInvitations(ctx, ImportRequest{CSV: []byte(people), AllowOpen: true, IdempotencyKey: "k-3"})
			return err
		}},
		"import-get": {importAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.GetImport(ctx, "imp_1/../x?y")
			return err
		}},
		"import-rows": {"row,status\n", func(ctx context.Context, c *Client) error {
			_, err := c.ImportRows(ctx, "imp_1")
			return err
		}},
		"import-list": {`{"data":[],"next":null}`, func(ctx context.Context, c *Client) error {
			for _, err := range c.ListImports(ctx, 20) {
				return err
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) { c.asks(t, name) })
	}
}

func TestAnswersAboutImportsAreRead(t *testing.T) {
	t.Parallel()
	_, client := record(t, http.StatusAccepted, importAnswer)
	got, err := client.ImportInvitations(t.Context(), ImportRequest{CSV: []byte(people)})
	if err != nil || got.ID != "imp_1" || got.Status != ImportRunning || got.Rows != 3 || got.Accepted != 2 || got.Created != 1 ||
		!got.CreatedAt.Equal(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)) || got.Open != 1 ||
		len(got.Rejected) != 1 || got.Rejected[0].Row != 3 || got.Rejected[0].Code != "invitation_open" || got.Rejected[0].Open != "inv_1" {
		t.Errorf("got %+v, %v", got, err)
	}
	_, client = record(t, http.StatusOK, "row,status\n2,created\n")
	if rows, err := client.ImportRows(t.Context(), "imp_1"); err != nil || string(rows) != "row,status\n2,created\n" {
		t.Errorf("got %q, %v", rows, err)
	}
	if _, err := client.ImportRows(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "the id of the import is missing") {
		t.Errorf("no id: %v", err)
	}
}
