package idenfy

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// The vendor's statuses that a session here can have (b.4).
const (
	active   = "ACTIVE"
	approved = "APPROVED"
	denied   = "DENIED"
	expired  = "EXPIRED"
	deleted  = "DELETED"
)

// overall is a status of ours in the vendor's words. Without a downstream step, whoever passed the gates is approved (ID-44).
func overall(s invite.Status) string {
	switch s {
	case invite.HandedOff, invite.Completed:
		return approved
	case invite.Declined:
		return denied
	case invite.Expired:
		return expired
	case invite.Canceled:
		return deleted
	}
	return active
}

// outcome is what came of the checks of a document and a face, of which there are none here.
type outcome struct {
	AutoDocument   *string  `json:"autoDocument"`
	AutoFace       *string  `json:"autoFace"`
	ManualDocument *string  `json:"manualDocument"`
	ManualFace     *string  `json:"manualFace"`
	FraudTags      []string `json:"fraudTags"`
	MismatchTags   []string `json:"mismatchTags"`
}

func noOutcome() outcome { return outcome{FraudTags: []string{}, MismatchTags: []string{}} }

// contacts are the proofs of a session (ID-36, ID-37): nil when none was required.
type contacts struct {
	Phone *phoneProof `json:"phoneVerification"`
	Email *emailProof `json:"emailVerification"`
}

type phoneProof struct {
	Phone    *string `json:"phone"` // E.164 in full or masked; null: not entered yet
	Verified bool    `json:"phoneVerified"`
}

type emailProof struct {
	Email    *string `json:"email"`
	Verified bool    `json:"emailVerified"`
}

// contactsOf are those of v, in full when full has them.
func contactsOf(v invite.View, full *invite.Revealed) (c contacts) {
	phone, email := gates(v)
	if phone != nil {
		c.Phone = &phoneProof{Phone: orNull(phone.Masked), Verified: !phone.PassedAt.IsZero()}
		if full != nil {
			c.Phone.Phone = orNull(full.Phone)
		}
	}
	if email != nil {
		c.Email = &emailProof{Email: orNull(email.Masked), Verified: !email.PassedAt.IsZero()}
		if full != nil {
			c.Email.Email = orNull(full.Email)
		}
	}
	return c
}

// revealed reads the contacts of v in full, when somebody has entered one: an event tells who did.
func revealed(ctx context.Context, s Sessions, v invite.View, by invite.Caller) (*invite.Revealed, error) {
	phone, email := gates(v)
	if (phone == nil || phone.Masked == "") && (email == nil || email.Masked == "") {
		return nil, nil
	}
	full, err := s.Reveal(ctx, invite.Target{Caller: by, ID: v.ID})
	return &full, err
}

// isSession reports whether v was made at this door.
func isSession(v invite.View) bool {
	return v.Vendor[setDialect] == dialectName || v.Vendor[setDialect] == callbackDialect
}

// session finds the one that a scanRef names.
func (d *Door) session(ctx context.Context, scanRef string) (invite.View, error) {
	id, err := uid.ParseUUID(scanRef)
	if err != nil || id.IsZero() {
		return invite.View{}, errUnknown()
	}
	v, err := d.cfg.Sessions.Get(ctx, invite.Target{Caller: host(ctx), ID: id})
	if fault.Is(err, fault.NotFound) || err == nil && !isSession(v) {
		err = errUnknown()
	}
	return v, err
}

// status answers POST /api/v2/status.
func (d *Door) status(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(r)
	if err != nil {
		return err
	}
	scanRef := f.text("scanRef", 1, maxExternalRef)
	switch {
	case f.err != nil:
		return f.err
	case scanRef == "":
		return errMissing("scanRef")
	}
	ctx := r.Context()
	v, err := d.session(ctx, scanRef)
	if err != nil {
		return err
	}
	var full *invite.Revealed
	if allows(web.Principal(ctx), tenant.ScopeRecipientShow) {
		if full, err = revealed(ctx, d.cfg.Sessions, v, host(ctx)); err != nil {
			return err
		}
	}
	write(w, http.StatusOK, struct {
		Status string  `json:"status"`
		Reason *string `json:"reason"` // ours (ID-A7)
		outcome
		ScanRef  string `json:"scanRef"`
		ClientID string `json:"clientId"`
		contacts
	}{overall(v.Status), orNull(v.Failure), noOutcome(), v.ID.UUID(), v.Reference, contactsOf(v, full)})
	return nil
}

// The bounds of a list.
const (
	defaultPage = 10
	maxPage     = 100
	maxPages    = 100_000
	maxWalk     = 10_000 // invitations that are looked at
	walkStep    = 250
)

var errDeep = fault.New(fault.Malformed, "page_too_deep", "A list looks at 10000 sessions. Narrow it by clientId.").On("page")

// listed is a session in a list.
type listed struct {
	ScanRef   string `json:"scanRef"`
	Status    string `json:"status"`
	Suspected bool   `json:"suspected"`
}

// page is a list in the vendor's form. Count is null when there are more sessions than a list looks at.
type page struct {
	Count    *int     `json:"count"`
	Next     *string  `json:"next"`
	Previous *string  `json:"previous"`
	Results  []listed `json:"results"`
}

// list answers GET /kyc/identifications/, newest first. The store gives sessions from any point on and keeps no count, so a page is
// found by walking there.
func (d *Door) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	number, err := queryNumber(q, "page", 1, maxPages)
	if err != nil {
		return err
	}
	size, err := queryNumber(q, "perPage", defaultPage, maxPage)
	if err != nil {
		return err
	}
	if len(q.Get("clientId")) > maxClientID {
		return errBad("clientId", "Give at most 100 characters.")
	}
	found, whole, err := d.walk(r.Context(), q.Get("clientId"))
	if err != nil {
		return err
	}
	from, to := (number-1)*size, min(number*size, len(found))
	if from >= len(found) && !whole {
		return errDeep
	}
	out := page{Results: append([]listed{}, found[min(from, to):to]...)}
	if total := len(found); whole {
		out.Count = &total
	}
	if len(found) > to || !whole {
		out.Next = d.pageURL(r, q, number+1)
	}
	if number > 1 {
		out.Previous = d.pageURL(r, q, number-1)
	}
	write(w, http.StatusOK, out)
	return nil
}

// walk lists the sessions of a client, "" for all, and reports whether that is all of them.
func (d *Door) walk(ctx context.Context, client string) (found []listed, whole bool, err error) {
	ask := invite.ListRequest{Caller: host(ctx), Reference: client, Page: uid.Page{Limit: walkStep}}
	for looked := 0; looked < maxWalk; {
		views, more, err := d.cfg.Sessions.List(ctx, ask)
		if err != nil {
			return nil, false, err
		}
		for _, v := range views {
			if isSession(v) {
				found = append(found, listed{ScanRef: v.ID.UUID(), Status: overall(v.Status)})
			}
		}
		if more.IsZero() {
			return found, true, nil
		}
		looked += len(views)
		ask.Before = more
	}
	return found, false, nil
}

func (d *Door) pageURL(r *http.Request, q url.Values, number int) *string {
	q.Set("page", strconv.Itoa(number))
	return orNull(d.cfg.Origin(r) + Mount + "/kyc/identifications/?" + q.Encode())
}

// queryNumber reads a whole number from 1 to most; instead when it is not given.
func queryNumber(q url.Values, name string, instead, most int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return instead, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, errBad(name, "Give a whole number from 1 to "+strconv.Itoa(most)+".")
	}
	return n, nil
}

// again answers POST /kyc/identifications/{scanRef}/request-information/: a new session for the same person, with a link of its own.
// What has expired is not revived (ID-31).
func (d *Door) again(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(r)
	if err != nil {
		return err
	}
	life := time.Duration(f.whole("lifetime", 0, maxExpiry, 86_400)) * time.Second
	if f.err != nil {
		return f.err
	}
	ctx := r.Context()
	v, err := d.session(ctx, r.PathValue("scanRef"))
	if err != nil {
		return err
	}
	req := sameAs(ctx, v, life)
	if req.Contacts, err = d.locked(ctx, v); err != nil {
		return err
	}
	a, err := d.cfg.Sessions.Create(ctx, req)
	if err != nil {
		return err
	}
	token := a.Token.Reveal()
	write(w, http.StatusOK, struct {
		SessionURL  string `json:"sessionUrl"`
		TokenString string `json:"tokenString"`
		ScanRef     string `json:"scanRef"` // ours: that of the new session
	}{d.link(r, token), token, a.View.ID.UUID()})
	return nil
}

// locked are the contacts that v lets its customer confirm and not change (ID-53). They are read in full, which leaves an event, and shown
// to nobody.
func (d *Door) locked(ctx context.Context, v invite.View) (c invite.Prefill, err error) {
	phone, email := gates(v)
	lockedPhone, lockedEmail := phone != nil && phone.Fixed, email != nil && email.Fixed
	if !lockedPhone && !lockedEmail {
		return c, nil
	}
	full, err := d.cfg.Sessions.Reveal(ctx, invite.Target{Caller: host(ctx), ID: v.ID})
	if err != nil {
		return c, err
	}
	if c.Locked = true; lockedPhone {
		c.Phone = full.Phone
	}
	if lockedEmail {
		c.Email = full.Email
	}
	if lockedPhone && c.Phone == "" || lockedEmail && c.Email == "" {
		err = errBad("scanRef", "The contact that this session was locked to was erased. Make a new session that names it.")
	}
	return c, err
}

// sameAs is a session that asks the same of the same person as v did. What v did not ask for, the account's settings of now decide.
func sameAs(ctx context.Context, v invite.View, life time.Duration) invite.CreateRequest {
	yes := true
	session, _ := strconv.Atoi(v.Vendor[setSession]) // we wrote it; 0 is no limit
	r := invite.CreateRequest{
		Caller: host(ctx), Kind: invite.Entered, FirstName: v.FirstName, LastName: v.LastName, Notes: v.Notes, Reference: v.Reference,
		ExternalID: v.ExternalID, Locale: v.Locale, WithoutConsent: true, RedirectURL: v.RedirectURL, FailureURL: v.FailureURL,
		UnverifiedURL: v.UnverifiedURL, IDParam: v.IDParam,
		LinkTTL: &life, SessionTTL: time.Duration(session) * time.Second, Silent: true, Vendor: map[string]string{setAgain: v.ID.UUID()},
	}
	for _, name := range []string{setDialect, setCallback, setType, setSession} {
		if kept := v.Vendor[name]; kept != "" {
			r.Vendor[name] = kept
		}
	}
	phone, email := gates(v)
	if phone != nil {
		r.VerifyPhone = &yes
	}
	if email != nil {
		r.VerifyEmail = &yes
	}
	revealing(ctx, &r)
	return r
}
