package countersign

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const invitationAnswer = `{"id":"inv_1","kind":"fixed","status":"sent","first_name":"Ann","last_name":"Lee","reference":"case-7","masked_email":"a•••@example.net",
"masked_mobile":"+1•••••••123","contact_changed_by_customer":false,"mobile_2fa":"pending","mobile_2fa_effective":true,"mobile_2fa_policy":"yes_optional",
"mobile_2fa_overridden":false,"channels":["email","sms"],"deliveries":[{"channel":"sms","provider":"main","state":"sent","error":"","created_at":"2026-11-21T12:00:01.000Z"}],
"gates":[{"channel":"sms","fixed":true,"contact":"+1•••••••123","sends":0,"cycle":1,"shut":false}],"resend_count":0,"attempt_count":0,
"created_at":"2026-11-21T12:00:00.000Z","updated_at":"2026-11-21T12:00:01.000Z","link_sent_at":"2026-11-21T12:00:01.000Z",
"email":"ann@example.net","mobile":"+12025550123","consent_version":"2","consent_locale":"de-AT","consent_sha256":"c0ffee",
"open_invitations":[{"id":"inv_0","reference":"case-6","status":"opened","created_at":"2026-11-21T12:00:00.000Z"}],"new_in_a_later_release":true}`

func TestRequestsForInvitationsAreAsTheAPITakesThem(t *testing.T) {
	t.Parallel()
	on := true
	at := time.Date(2026, 11, 21, 13, 0, 0, 0, time.FixedZone("", 3600))
	for name, c := range map[string]request{
		"invite": {invitationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.CreateInvitation(ctx, InvitationRequest{FirstName: "Ann", LastName: "Lee", Mobile: "+12025550123", IdempotencyKey: "k-1"})
			return err
		}},
		"invite-all": {invitationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.CreateInvitation(ctx, InvitationRequest{
				FirstName: "Ann", LastName: "Lee", Email: "ann@example.net", Mobile: "0400 000 000", Country: "AU", Mobile2FA: &on, Mobile2FAReason: "a large sum", Reference: "case-7",
				Notes: "n", Locale: "de-AT", ConsentVersion: "2", RedirectURL: "https://a.example/done", ExternalID: "x-1", Channels: []Channel{Email},
				ExpiresInHours: 48, IdempotencyKey: "k-2",
			})
			return err
		}},
		"invite-for-ever": {invitationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.CreateInvitation(ctx, InvitationRequest{FirstName: "Ann", LastName: "Lee", Email: "a@example.net", NeverExpires: true, IdempotencyKey: "k-3"})
			return err
		}},
		"invitation": {invitationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.GetInvitation(ctx, "inv_1/../x?y")
			return err
		}},
		"invitation-reveal": {invitationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.RevealInvitation(ctx, "inv_1")
			return err
		}},
		"invitations": {`{"data":[],"next":null}`, func(ctx context.Context, c *Client) error {
			for _, err := range c.ListInvitations(ctx, InvitationListRequest{
				Status: InvitationMobileFailed, Reference: "case-7", Contact: "+12025550123", Mobile2FA: &on, From: at, To: at.Add(time.Hour), PageSize: 20,
			}) {
				return err
			}
			return nil
		}},
		"invitation-resend": {invitationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.ResendInvitation(ctx, "inv_1", LinkRequest{Channel: "both", Reason: "they called", Seen: 2, IdempotencyKey: "k-4"})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) { c.asks(t, name) })
	}
}

func TestCancelingAnInvitationSaysWhy(t *testing.T) {
	t.Parallel()
	server, client := record(t, http.StatusOK, invitationAnswer)
	_, plain := client.CancelInvitation(t.Context(), "inv_1", "")
	_, why := client.CancelInvitation(t.Context(), "inv_1", "wrong person")
	if err := errors.Join(plain, why); err != nil {
		t.Fatal(err)
	}
	for i, body := range []string{"{}", `{"reason":"wrong person"}`} {
		if r := server.asked[i]; !strings.HasPrefix(r, "POST /v1/invitations/inv_1/cancel\n") || !strings.HasSuffix(r, "\n\n"+body+"\n") || !strings.Contains(r, "Idempotency-Key: ") {
			t.Errorf("asked %s", r)
		}
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := client.CancelInvitation(t.Context(), id, ""); err == nil || !strings.Contains(err.Error(), "the id of the invitation is missing") {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestAnswersAboutInvitationsAreRead(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Date(2026, 11, 21, 12, 0, second, 0, time.UTC) }
	want := Invitation{
		ID: "inv_1", Kind: "fixed", Status: InvitationSent, FirstName: "Ann", LastName: "Lee", Reference: "case-7", MaskedEmail: "a•••@example.net",
		MaskedMobile: "+1•••••••123", Mobile2FA: "pending", Mobile2FAOn: true, Mobile2FAPolicy: "yes_optional", Channels: []Channel{Email, SMS},
		Deliveries: []LinkDelivery{{Channel: SMS, Provider: "main", State: "sent", CreatedAt: at(1)}}, Gates: []Gate{{Channel: SMS, Fixed: true, Contact: "+1•••••••123", Cycle: 1}},
		CreatedAt: at(0), UpdatedAt: at(1), LinkSentAt: at(1),
		Email: "ann@example.net", Mobile: "+12025550123", ConsentVersion: "2", ConsentLocale: "de-AT", ConsentSHA256: "c0ffee",
		Open: []OpenInvitation{{ID: "inv_0", Reference: "case-6", Status: InvitationOpened, CreatedAt: at(0)}},
	}
	_, client := record(t, http.StatusCreated, invitationAnswer)
	if got, err := client.GetInvitation(t.Context(), "inv_1"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestListOfInvitationsGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	_, client := record(t, http.StatusOK, `{"data":[{"id":"inv_3"}],"next":"c1"}`, `{"data":[],"next":"c2"}`, `{"data":[{"id":"inv_1"}],"next":null}`)
	var ids []string
	for v, err := range client.ListInvitations(t.Context(), InvitationListRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.ID)
	}
	if want := []string{"inv_3", "inv_1"}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
}
