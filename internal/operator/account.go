package operator

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// SessionView is a session as its holder sees it.
type SessionView struct {
	ID        uid.ID
	CreatedAt time.Time
	SeenAt    time.Time // to the minute
	ProvedAt  time.Time // when all that the account has was last shown
	ExpiresAt time.Time // if nothing more is done with it
	UserAgent string
	IP        string
	Current   bool // the one that was asked with
}

func (s *Service) sessionView(v *Session) (SessionView, error) {
	var from clientText
	err := s.open(place(v.Tenant, v.ID, sealClient), v.Client, &from)
	return SessionView{ID: v.ID, CreatedAt: v.CreatedAt, SeenAt: v.SeenAt, ProvedAt: v.ProvedAt, ExpiresAt: v.ends(),
		UserAgent: from.UserAgent, IP: from.IP}, err
}

// session reads the session of a token, with its operator: any that counts, in whatever stage.
func (s *Service) session(ctx context.Context, token string) (Session, Operator, error) {
	v, o, err := s.store.SessionByHash(ctx, s.sessionHash(token))
	if err != nil {
		return v, o, told(err, errEnded)
	}
	if !v.live(s.moment()) || !o.able() {
		return v, o, errEnded()
	}
	return v, o, nil
}

// Stage says how far the sign-in of a token has come; after a wrong password, too, that the second factor is asked for. session_ended for
// what is no session.
func (s *Service) Stage(ctx context.Context, token string) (Stage, error) {
	v, _, err := s.session(ctx, token)
	switch {
	case err == nil:
		return v.Stage, nil
	case v.Stage == StageSecond && v.live(s.moment()):
		return StageSecond, nil // of nobody, or of somebody who was disabled meanwhile
	}
	return "", err
}

// Session says who holds a token, and notes that it was used. It reads the database, so that what has ended is over at once. session_ended for
// every token but that of an open session; Denied with account_suspended while the tenant is suspended, with who it is all the same, so
// that they are told and can sign out.
func (s *Service) Session(ctx context.Context, token string) (Signed, error) {
	return s.signed(ctx, token, true)
}

// Glance is Session for what a page asks by itself, such as whether something has changed: nobody need sit before it, so it is no use
// that would keep a session (SEC-71).
func (s *Service) Glance(ctx context.Context, token string) (Signed, error) {
	return s.signed(ctx, token, false)
}

func (s *Service) signed(ctx context.Context, token string, used bool) (Signed, error) {
	v, o, err := s.session(ctx, token)
	if err != nil {
		return Signed{}, err
	}
	if v.Stage != StageOpen {
		return Signed{}, errEnded()
	}
	in, err := s.admits(ctx, o.Tenant)
	if err != nil {
		return Signed{}, err
	}
	now := s.moment()
	if used && now.Sub(v.SeenAt) >= seenEvery {
		if err := s.store.TouchSession(ctx, v.Hash, now); err != nil {
			return Signed{}, err
		}
		v.SeenAt = now
	}
	got := Signed{Recent: v.recent(now)}
	if got.Operator, err = s.view(&o); err != nil {
		return Signed{}, err
	}
	got.Session, err = s.sessionView(&v)
	got.Session.Current = true
	if err == nil && !in {
		err = errSuspended()
	}
	return got, err
}

// Sessions lists the open sessions of the operator, oldest first.
func (s *Service) Sessions(ctx context.Context, g Signed) ([]SessionView, error) {
	list, err := s.store.OperatorSessions(ctx, g.Operator.Tenant, g.Operator.ID)
	if err != nil {
		return nil, err
	}
	now := s.moment()
	views := []SessionView{}
	for i := range list {
		if v := &list[i]; v.Stage == StageOpen && v.live(now) {
			view, err := s.sessionView(v)
			if err != nil {
				return nil, err
			}
			view.Current = view.ID == g.Session.ID
			views = append(views, view)
		}
	}
	return views, nil
}

// SignOut ends the session of a token. One that is over already is no fault.
func (s *Service) SignOut(ctx context.Context, c Client, token string) error {
	now := s.moment()
	return s.store.ChangeOperator(ctx, Target{Session: s.sessionHash(token)}, func(h *Held) (outbox.Effects, error) {
		if h.Close = true; h.Session == nil || h.Operator == nil {
			return outbox.Effects{}, nil
		}
		return effects(h.Operator.event(EventSignedOut, c.self(h.Operator), now, data{Session: h.Session.ID.Text(uid.Session)})), nil
	})
}

// ChangeProfile changes the name that the team sees and the language of messages ("": English).
func (s *Service) ChangeProfile(ctx context.Context, c Client, g Signed, name, locale string) (out Person, err error) {
	if name, err = readName(name); err != nil {
		return Person{}, err
	}
	if locale, err = readLocale(locale); err != nil {
		return Person{}, err
	}
	now := s.moment()
	err = s.store.ChangeOperator(ctx, Target{Tenant: g.Operator.Tenant, Operator: g.Operator.ID}, func(h *Held) (fx outbox.Effects, err error) {
		o := h.Operator
		if o == nil || !o.able() {
			return fx, errEnded()
		}
		who, err := s.person(o)
		if err != nil {
			return fx, err
		}
		o.Person = s.seal(place(o.Tenant, o.ID, sealPerson), person{who.Email, name})
		o.Locale, o.UpdatedAt = locale, now
		out, err = s.view(o)
		return effects(o.event(EventProfileChanged, c.self(o), now, data{})), err
	})
	return out, err
}

// The bounds of what people call themselves.
const (
	maxName   = 100 // characters
	maxLocale = 35  // RFC 5646 §4.4.1
)

func readName(name string) (string, error) {
	name = strings.TrimSpace(name)
	n := utf8.RuneCountInString(name)
	if n < 1 || n > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", fault.New(fault.Invalid, "name_invalid", "Give a name of 1 to 100 printable characters.").On("name")
	}
	return name, nil
}

func readLocale(tag string) (string, error) {
	ok := len(tag) <= maxLocale && !strings.ContainsFunc(tag, func(r rune) bool {
		return r != '-' && !('0' <= r && r <= '9') && !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z')
	})
	if !ok {
		return "", fault.New(fault.Invalid, "locale_invalid", "Name a language as en or pt-BR.").On("locale")
	}
	return tag, nil
}

// Revoke ends a session of an operator, or all of them for the zero id: one's own, or those of another by who may change the team. One that
// is over already is no fault.
func (s *Service) Revoke(ctx context.Context, c Client, g Signed, operator, session uid.ID) error {
	now := s.moment()
	err := s.team(ctx, g, Target{Operator: operator}, func(h *Held, me *Operator) (fx outbox.Effects, err error) {
		o := h.Operator
		if o.ID != me.ID && !manages(me, o.Role) {
			return fx, errForbidden()
		}
		h.CloseAll, h.CloseOne = session.IsZero(), session
		d := data{}
		if !session.IsZero() {
			d.Session = session.Text(uid.Session)
		}
		return effects(o.event(EventSessionsEnded, c.signed(g), now, d)), nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// errNothing is a decision without effect. It does not leave the package.
var errNothing = errors.New("operator: nothing changes")
