package invite

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// OpenAnswer is what opening a link gives: the cookie's value, which is a secret, and where it is good for.
type OpenAnswer struct {
	ID     uid.ID
	Cookie string // 43 characters of base64url; empty: the page is an ending and needs no session
	Page   Page
}

// Visit is a customer's request: the invitation of the path and the session of the cookie.
type Visit struct {
	ID        uid.ID
	Cookie    string
	Client    *Client
	RequestID string
	Chosen    string // language that the customer chose for the pages, a BCP 47 tag; empty: none
	Accepts   string // language in which a page without a choice, or a wish of the firm's, is shown; empty: not known
}

// maxSecret is longer than any token or cookie that was given out, in bytes.
const maxSecret = 128

// Open takes a link's token and begins a session, or goes on with the one of cookie when that is a live one of the invitation: then
// OpenAnswer.Cookie repeats it. It sends nothing (RA-24). A token that is unknown is NotFound with the code
// link_not_found; one that has expired or ended, or whose link was replaced, is no fault: the page says so, without a session.
func (s *Service) Open(ctx context.Context, token, cookie string, c *Client, requestID string) (OpenAnswer, error) {
	if token == "" || len(token) > maxSecret {
		return OpenAnswer{}, errLink()
	}
	hash := s.linkHash(token)
	v, err := s.store.InvitationByLink(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return OpenAnswer{}, errLink()
	}
	if err != nil {
		return OpenAnswer{}, err
	}
	if v.Link.Hash != hash {
		page, err := s.replaced(ctx, &v)
		return OpenAnswer{ID: v.ID, Page: page}, err
	}
	visit := &Visit{ID: v.ID, Cookie: cookie, Client: c, RequestID: requestID}
	if cookie == "" || len(cookie) > maxSecret || !v.session(s.sessionHash(&v, cookie), s.moment()) {
		visit.Cookie = newCookie()
	}
	out, err := s.enter(ctx, &v, visit, func(v *Invitation, session [32]byte, now time.Time) (fx outbox.Effects, err error) {
		switch {
		case v.Link.Hash != hash: // replaced since it was looked up
			return fx, errOver()
		case v.Status.Terminal() || v.session(session, now):
			return fx, errNothing
		}
		e, err := v.open(session, visit.by(), now)
		fx.Events = []audit.Event{e}
		return fx, err
	})
	if fault.Is(err, fault.Conflict) && out.Link.Hash != hash {
		page, err := s.replaced(ctx, out)
		return OpenAnswer{ID: out.ID, Page: page}, err
	}
	if err != nil {
		return OpenAnswer{}, err
	}
	answer := OpenAnswer{ID: out.ID}
	if !out.Status.Terminal() {
		answer.Cookie = visit.Cookie
	}
	answer.Page, err = s.page(ctx, out, s.sessionHash(out, visit.Cookie), nil)
	return answer, err
}

// errNothing is how a decision says that there is nothing to be changed.
var errNothing = errors.New("invite: nothing to be changed")

// enter lets decide change v for a visit, under its lock, and gives it as it is then. When the time of v is over it ends instead, and
// decide is not asked.
func (s *Service) enter(ctx context.Context, v *Invitation, visit *Visit, decide visiting) (*Invitation, error) {
	now, hash := s.moment(), s.sessionHash(v, visit.Cookie)
	var out *Invitation
	err := s.store.ChangeInvitation(ctx, v.Tenant, v.ID, func(v *Invitation) (fx outbox.Effects, err error) {
		out = v
		if !v.Over(now) {
			return decide(v, hash, now)
		}
		e, err := v.expire(system(), v.overdue(), now)
		fx.Events = []audit.Event{e}
		return fx, err
	})
	switch {
	case errors.Is(err, errNothing):
		err = nil
	case errors.Is(err, ErrNotFound):
		err = errSession()
	}
	return out, err
}

// visiting is a decision on v for one of its sessions. errNothing says that v is to stay as it is.
type visiting func(v *Invitation, session [32]byte, now time.Time) (outbox.Effects, error)

// changed is enter for a visit of a session that is still one when the lock is held: a new link may have come in between.
func (s *Service) changed(ctx context.Context, v *Invitation, visit *Visit, decide visiting) (*Invitation, error) {
	return s.enter(ctx, v, visit, func(v *Invitation, session [32]byte, now time.Time) (outbox.Effects, error) {
		if !v.session(session, now) {
			return outbox.Effects{}, v.away(session)
		}
		return decide(v, session, now)
	})
}

// admitted reads the invitation of a visit, and whether the visit is of one of its sessions.
func (s *Service) admitted(ctx context.Context, visit *Visit) (*Invitation, [32]byte, error) {
	if visit.Cookie == "" || len(visit.Cookie) > maxSecret {
		return nil, [32]byte{}, errSession()
	}
	v, err := s.store.InvitationByID(ctx, visit.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, [32]byte{}, errSession()
	}
	if err != nil {
		return nil, [32]byte{}, err
	}
	hash := s.sessionHash(&v, visit.Cookie)
	if !v.session(hash, s.moment()) {
		return &v, hash, v.away(hash)
	}
	return &v, hash, nil
}

// Hub says what this session has to do next. It sends nothing. It heals what a crash left undone: a code that was right passes
// its gate, a start that was made is found. Reaching the consent step is noted (consent_pending).
func (s *Service) Hub(ctx context.Context, visit Visit) (Page, error) {
	v, hash, err := s.admitted(ctx, &visit)
	if err != nil {
		if fault.Is(err, fault.Conflict) {
			return s.replaced(ctx, v)
		}
		return Page{}, err
	}
	seen, err := s.look(ctx, v)
	if err != nil {
		return Page{}, err
	}
	now := s.moment()
	trial := v.Copy()
	if events, err := s.arrive(trial, seen, hash, &visit, now); err != nil || len(events) > 0 || v.Over(now) {
		if v, err = s.changed(ctx, v, &visit, func(v *Invitation, session [32]byte, now time.Time) (fx outbox.Effects, err error) {
			if fx.Events, err = s.arrive(v, seen, session, &visit, now); err == nil && len(fx.Events) == 0 {
				err = errNothing
			}
			return fx, err
		}); err != nil {
			return Page{}, err
		}
	}
	return s.page(ctx, v, hash, seen)
}

// replaced is what is shown for a link that was replaced, and to a session that is over: the firm and whom to turn to, and nothing of how
// far the invitation is (RA-54).
func (s *Service) replaced(ctx context.Context, v *Invitation) (Page, error) {
	name, look, err := s.brand(ctx, v.Tenant)
	return Page{ID: v.ID, Step: StepReplaced, Firm: name, Support: look.Brand.Support,
		Brand: look.Brand, Texts: look.Texts, Locale: v.Locale, Now: s.moment()}, err
}

// arrive heals v by what was seen of its verifications, and notes that the consent step is reached.
func (s *Service) arrive(v *Invitation, seen sightings, session [32]byte, visit *Visit, now time.Time) ([]audit.Event, error) {
	if v.Status.Terminal() {
		return nil, nil
	}
	events, err := s.heal(v, seen, visit, now)
	if err != nil || v.stepOf(session, now) != StepConsent || v.Status == ConsentPending {
		return events, err
	}
	d, err := v.step(actReach, now)
	if err != nil {
		return events, err
	}
	return append(events, v.event(EventConsentPending, visit.by(), now, d)), nil
}

// stepOf is what a session has to do next. A gate counts for the session that passed it alone (RA-3, RA-45).
func (v *Invitation) stepOf(session [32]byte, now time.Time) Step {
	switch v.Status {
	case Declined:
		return StepDeclined
	case Expired:
		return StepExpired
	case Canceled:
		return StepCanceled
	case Completed:
		return StepDone
	}
	if v.used() {
		return StepDone
	}
	for i := range v.Gates {
		if g := &v.Gates[i]; !g.PassedIn(session, now) {
			return g.step()
		}
	}
	switch {
	case v.Status == HandedOff:
		return StepDone
	case v.Status == Consented || v.WithoutConsent:
		return StepHandOff
	}
	return StepConsent
}

// used reports whether the link was good once, and is for nobody who has not come by it before (ID-29).
func (v *Invitation) used() bool { return v.Kind == Entered && v.Status == HandedOff }

// Answer is what a customer says to the consent text. Version is that of the text that was shown; another than the invitation's is
// Conflict with consent_changed.
type Answer struct {
	Accept  bool
	Version string
	Locale  string // of the text that was shown, which may be another than that of the page
	SHA256  string // of that text: policy.TextHash
}

// Consent takes the customer's answer. While a gate is not passed in this session it is Conflict with step_not_reached (RA-3).
// The same answer again is fine.
func (s *Service) Consent(ctx context.Context, visit Visit, a Answer) (Page, error) {
	v, hash, err := s.admitted(ctx, &visit)
	if err != nil {
		return Page{}, err
	}
	if a.Locale != "" && !policy.IsLocale(a.Locale) {
		a.Locale = ""
	}
	look, err := s.Customisation(ctx, v.Tenant)
	if err != nil {
		return Page{}, err
	}
	text, err := s.consentOf(ctx, v, &look)
	if err != nil {
		return Page{}, err
	}
	v, err = s.changed(ctx, v, &visit, func(v *Invitation, session [32]byte, now time.Time) (fx outbox.Effects, err error) {
		fx.Events, err = s.answered(v, a, &text, session, &visit, now)
		return fx, err
	})
	if err != nil {
		return Page{}, err
	}
	return s.page(ctx, v, hash, nil)
}

func (s *Service) answered(v *Invitation, a Answer, text *policy.Consent, session [32]byte, visit *Visit, now time.Time) (events []audit.Event, err error) {
	at := v.stepOf(session, now)
	switch {
	case a.Accept && (v.Status == Consented || v.Status == HandedOff || v.Status == Completed) && v.Consent.Accepted, !a.Accept && v.Status == Declined:
		return nil, errNothing // again
	case at != StepConsent:
		return nil, errStep()
	}
	if err := a.read(text); err != nil {
		return nil, err
	}
	if v.Status != ConsentPending { // the page was never asked for
		d, err := v.step(actReach, now)
		if err != nil {
			return nil, err
		}
		events = append(events, v.event(EventConsentPending, visit.by(), now, d))
	}
	act, kind := actDecline, EventDeclined
	if a.Accept {
		act, kind = actAccept, EventConsented
	}
	d, err := v.step(act, now)
	if err != nil {
		return nil, err
	}
	v.Consent = Consent{Accepted: a.Accept, Version: a.Version, Locale: a.Locale, SHA256: a.SHA256, At: now, Client: s.evidence(v, "consent", visit.Client)}
	if a.Accept {
		v.ConsentedAt = now
	}
	d.ProofKept = v.claim(session)
	d.Consent, d.Locale, d.ConsentHash, d.ClientHash = a.Version, a.Locale, a.SHA256, s.client(v, visit.Client)
	return append(events, v.event(kind, visit.by(), now, d)), nil
}

// HandOff says where the customer goes when every step is done: the redirect URL with invitation_id, state and the signed result
// (RA-48), or "" for the built-in end page; then the invitation is completed. Again it gives the same place with a new result, to a session
// that has proven the contacts: any other one gets the end page of an invitation that is over (RA-45).
func (s *Service) HandOff(ctx context.Context, visit Visit) (to string, page Page, err error) {
	v, hash, err := s.admitted(ctx, &visit)
	if err != nil {
		return "", Page{}, err
	}
	now := s.moment()
	v, err = s.changed(ctx, v, &visit, func(v *Invitation, session [32]byte, now time.Time) (fx outbox.Effects, err error) {
		fx.Events, err = v.handOff(session, visit.by(), now)
		return fx, err
	})
	if err != nil {
		return "", Page{}, err
	}
	if page, err = s.page(ctx, v, hash, nil); err != nil || v.Status == Expired || v.RedirectURL == "" || !v.passedIn(hash, now) {
		return "", page, err
	}
	to, err = s.redirect(ctx, v)
	return to, page, err
}

// handOff sends the customer on; without a redirect there is nothing left to be done.
func (v *Invitation) handOff(session [32]byte, by By, now time.Time) (events []audit.Event, err error) {
	if v.Status == Completed || v.used() && !v.passedIn(session, now) {
		return nil, errNothing
	}
	if !v.passedIn(session, now) || v.Status.Terminal() {
		return nil, errStep()
	}
	if v.Status != Consented && v.Status != HandedOff {
		if !v.WithoutConsent {
			return nil, errStep()
		}
		if _, err := v.step(actWaive, now); err != nil {
			return nil, err
		}
	}
	d, err := v.step(actHandOff, now)
	if err != nil {
		return nil, err
	}
	if v.HandedOffAt.IsZero() {
		v.HandedOffAt = now
	}
	events = append(events, v.event(EventHandedOff, by, now, d))
	if v.RedirectURL != "" {
		return events, nil
	}
	if d, err = v.step(actComplete, now); err != nil {
		return nil, err
	}
	return append(events, v.event(EventCompleted, by, now, d)), nil
}

// redirect is the firm's page, with what tells the firm who comes. For an entered invitation that is its id, if asked for (ID-33).
func (s *Service) redirect(ctx context.Context, v *Invitation) (string, error) {
	if v.Kind == Entered {
		return v.named(v.RedirectURL), nil
	}
	u, err := url.Parse(v.RedirectURL)
	if err != nil {
		return "", err
	}
	q := url.Values{"invitation_id": {v.ID.Text(uid.Invitation)}, "state": {v.ExternalID}, "result": nil}
	if s.signer != nil {
		r := Result{
			Tenant: v.Tenant, Invitation: v.ID, Status: v.Status, ExternalID: v.ExternalID, Reference: v.Reference,
			VerifiedAt: v.VerifiedAt, Consent: v.Consent.Version, ConsentedAt: v.ConsentedAt,
		}
		signed, err := s.signer(ctx, r)
		if err != nil {
			return "", err
		}
		q.Set("result", signed)
	}
	u.RawQuery = joined(q, u.RawQuery)
	return u.String(), nil
}

// joined are values before what a query has of other names, which stays as it was written: a firm may read it in a way of its own.
func joined(own url.Values, raw string) string {
	all := []string{own.Encode()}
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); pair != "" && (err != nil || !own.Has(plain)) {
			all = append(all, pair)
		}
	}
	return strings.Join(all, "&")
}
