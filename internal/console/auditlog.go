package console

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/risk/safelist"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// AuditLog is what the console asks of package audit, whose functions of these names say what each answers.
type AuditLog interface {
	BrowseEvents(ctx context.Context, q audit.Query) (audit.Page, error)
	Prove(ctx context.Context, t uid.Tenant, id uid.ID) (audit.Proof, error)
	// Export writes all events that q selects, whatever its page.
	Export(ctx context.Context, w io.Writer, q audit.Query) error
}

const (
	pathAudit       = Prefix + "/audit"
	pathAuditExport = pathAudit + "/export"
)

// auditPage is how many events a page has.
const auditPage = 50

func (s *Site) auditRoutes() []route {
	return []route{
		{"GET " + pathAudit, AtAudit, operator.SeeAudit, s.auditList},
		{"GET " + pathAuditExport, AtAudit, operator.ExportAudit, s.auditExport},
		{"GET " + pathAudit + "/{id}", AtAudit, operator.SeeAudit, s.auditEntry},
		{"GET " + pathAudit + "/{id}/proof", AtAudit, operator.ExportAudit, s.auditProof},
	}
}

// moreTypes are the types of events that neither webhooks get nor are of operators.
var moreTypes = []string{
	factor.EventEntityCreated, factor.EventEntityDeleted, factor.EventCheckFailed, factor.EventDisabled, factor.EventUpdated,
	factor.EventChallengeCreated, factor.EventChallengeFailed, invite.EventLinkFailed, invite.EventLinkReported, invite.EventCodeAsked,
	invite.EventCodeRefused, invite.EventCodeEnded, invite.EventConsentPending, invite.EventHandedOff, invite.EventReminded, invite.EventReminderCarried, invite.EventUnlocked,
	invite.EventContactChanged, invite.EventFormerTold, invite.EventRevealed, invite.EventSettingsChanged, invite.EventResent,
	invite.EventImportStarted, invite.EventImportFinished,
	factor.EventAbandoned, audit.SubjectErased, safelist.EventAdded, safelist.EventRemoved, "key.created", "key.revoked", "service.created", "service.deleted", "service.updated",
	"tenant.created", "tenant.resumed", "tenant.suspended", "tenant.updated", "webhook.created", "webhook.deleted", "webhook.disabled",
	"webhook.replayed", "webhook.secret_rotated", "webhook.updated", webhook.Tested,
}

var errObject = fault.New(fault.Invalid, "object_invalid", "Give an ID as it stands in the list, such as inv_06ezk8m4yrtw70q9vgvhb3n5cr.").On(QueryObject)

// notText is told of what stands in no event: some databases can't even be asked for it.
func notText(field string) *fault.Error {
	return fault.New(fault.Invalid, "filter_invalid", "Give text with no control characters.").On(field)
}

func notDay(field string) *fault.Error {
	return fault.New(fault.Invalid, "day_invalid", "Give a day, such as 2026-04-15.").On(field)
}

func problemOf(f *fault.Error) Problem { return Problem{Field: f.Field, Message: f.Message} }

// auditFilter is what the page was asked for, as typed.
type auditFilter struct{ typ, actor, object, from, to string }

func (v *visit) auditFilter() auditFilter {
	return auditFilter{v.value(QueryType), v.value(QueryActor), v.value(QueryObject), v.value(QueryFrom), v.value(QueryTo)}
}

// url is path with the filters.
func (f auditFilter) url(path string) string {
	for _, p := range [][2]string{{QueryType, f.typ}, {QueryActor, f.actor}, {QueryObject, f.object}, {QueryFrom, f.from}, {QueryTo, f.to}} {
		path = with(path, p[0], p[1])
	}
	return path
}

// query reads the filters but that of the actor, and tells what is wrong with them.
func (f auditFilter) query(t uid.Tenant) (q audit.Query, wrong []Problem) {
	q = audit.Query{Tenant: t, Type: f.typ}
	for _, p := range [][2]string{{QueryType, f.typ}, {QueryActor, f.actor}} {
		if !utf8.ValidString(p[1]) || strings.ContainsFunc(p[1], unicode.IsControl) {
			wrong = append(wrong, problemOf(notText(p[0])))
		}
	}
	var err error
	if q.Object, err = readObject(f.object); err != nil {
		wrong = append(wrong, problemOf(errObject))
	}
	var bad []Problem
	q.From, q.Until, bad = readDays(f.from, f.to)
	return q, append(wrong, bad...)
}

// readDays reads the first day and the last, in UTC, as the time from the one to the end of the other.
func readDays(from, to string) (since, until time.Time, wrong []Problem) {
	day := func(field, typed string) (at time.Time) {
		if typed == "" {
			return at
		}
		at, err := time.Parse(time.DateOnly, typed)
		if err != nil || at.Year() < 1970 {
			wrong = append(wrong, problemOf(notDay(field)))
			return time.Time{}
		}
		return at
	}
	if since, until = day(QueryFrom, from), day(QueryTo, to); !until.IsZero() {
		if until = until.AddDate(0, 0, 1); !since.Before(until) {
			wrong = append(wrong, Problem{Field: QueryFrom, Message: "Give a day that is not after the last one."})
		}
	}
	return since, until, wrong
}

// prefixes are those of the ids of what events are about, by the first word of their types.
var prefixes = map[string]uid.Prefix{
	"verification": uid.Verification, "invitation": uid.Invitation, "operator": uid.Operator, "service": uid.Service, "key": uid.Key,
	"tenant": uid.TenantPrefix, "webhook": uid.Webhook, "factor": uid.Factor, "challenge": uid.Challenge, "entity": uid.Entity, "safe_number": uid.SafeNumber,
}

// readObject reads the id of what events are about; "" is none.
func readObject(typed string) (uid.ID, error) {
	if typed == "" {
		return uid.ID{}, nil
	}
	prefix, _, _ := strings.Cut(typed, "_")
	for _, known := range prefixes {
		if string(known) == prefix {
			return uid.Parse(known, typed)
		}
	}
	return uid.ParseUUID(typed)
}

// objectOf is the id of what an event is about, in its spelling; "" when it is of nothing that has one.
func objectOf(e *audit.Event) string {
	noun, _, _ := strings.Cut(e.Type, ".")
	prefix, ok := prefixes[noun]
	switch {
	case e.Object.IsZero():
		return ""
	case !ok:
		return e.Object.UUID()
	}
	return e.Object.Text(prefix)
}

// auditTypes are the types to choose from. One that was asked for stands among them, whatever it is.
func auditTypes(chosen, all string) []Option {
	list := append([]string{}, moreTypes...)
	for _, t := range webhook.Types() {
		list = append(list, t.Name)
	}
	for _, t := range operator.EventTypes() {
		list = append(list, t.Name)
	}
	if chosen != "" {
		list = append(list, chosen)
	}
	slices.Sort(list)
	options := []Option{{Label: all, Chosen: chosen == ""}}
	for _, name := range slices.Compact(list) {
		options = append(options, Option{Value: name, Label: name, Chosen: name == chosen})
	}
	return options
}

func (s *Site) auditList(v *visit) (View, error) {
	f := v.auditFilter()
	q, wrong := f.query(v.Operator.Tenant)
	page := &Audit{
		Frame: v.frame(wrong...), Type: f.typ, Actor: f.actor, Object: f.object, From: f.from, To: f.to, Types: auditTypes(f.typ, s.pages.text("any_event")),
		Filtered: f.url(pathAudit) != pathAudit,
	}
	if wrong != nil {
		return page, nil
	}
	var err error
	if q.Actor, err = v.actor(f.actor); errors.Is(err, errNamesakes) {
		page.Problems = []Problem{problemOf(errNamesakes)}
		return page, nil
	}
	if err != nil {
		return nil, err
	}
	if v.May(operator.ExportAudit) {
		page.ExportURL = f.url(pathAuditExport)
	}
	who, err := v.names()
	if err != nil {
		return nil, err
	}
	if q.Page, err = v.place(auditPage); err != nil {
		return nil, err
	}
	found, err := s.AuditLog.BrowseEvents(v.ctx(), q)
	if err != nil {
		return nil, err
	}
	for i := range found.Events {
		e := &found.Events[i]
		page.Rows = append(page.Rows, AuditRow{URL: auditURL(e.ID), At: e.At, Kind: e.Type, Actor: who.of(e.Actor), Object: objectOf(e)})
	}
	var first bool
	if page.Pager, first = v.turned(f.url(pathAudit), q.Page, found.More, !q.Object.IsZero()); first {
		return nil, nil
	}
	return page, nil
}

var errNamesakes = fault.New(fault.Invalid, "actor_ambiguous", "More than one person is called this. Give an address or an ID.").On(QueryActor)

// actor is the actor whom somebody means who gives an address, a name or an id; what is none of a person is taken as it is. Invalid for a
// name that several have.
func (v *visit) actor(typed string) (string, error) {
	if typed == "" {
		return "", nil
	}
	people, err := v.site.Operators.People(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return "", err
	}
	var called []string
	for _, p := range people {
		actor := actorOperator + ":" + p.ID.Text(uid.Operator)
		if strings.EqualFold(typed, p.Email) {
			return actor, nil
		}
		if strings.EqualFold(typed, p.Name) {
			called = append(called, actor)
		}
	}
	switch prefix, _, _ := strings.Cut(typed, "_"); {
	case len(called) > 1:
		return "", errNamesakes
	case len(called) == 1:
		return called[0], nil
	case uid.Prefix(prefix) == uid.Operator:
		return actorOperator + ":" + typed, nil
	case uid.Prefix(prefix) == uid.Key:
		return actorKey + ":" + typed, nil
	}
	return typed, nil
}

func auditURL(id uid.ID) string { return pathAudit + "/" + id.Text(uid.Event) }

// auditExport streams what of the log of the firm the filters of the list select, after an event that it is taken away. An export that ends
// early has no last line, and its connection is broken.
func (s *Site) auditExport(v *visit) (View, error) {
	f := v.auditFilter()
	q, wrong := f.query(v.Operator.Tenant)
	if wrong != nil {
		return nil, fault.New(fault.Invalid, "filter_invalid", wrong[0].Message).On(wrong[0].Field)
	}
	var err error
	if q.Actor, err = v.actor(f.actor); err != nil {
		return nil, err
	}
	part := f.part(&q)
	if err := s.Operators.ExportLog(v.ctx(), v.client(), v.Signed, part); err != nil {
		return nil, err
	}
	out := &download{visit: v, name: "audit.jsonl"}
	if part != (operator.LogPart{}) {
		out.name = "audit-part.jsonl"
	}
	return nil, out.end(s.AuditLog.Export(v.ctx(), out, q))
}

// other stands in the log for what somebody typed that is no type of ours, and nobody's id: it might be a name.
const other = "other"

// part is what the log keeps of the filters.
func (f auditFilter) part(q *audit.Query) operator.LogPart {
	p := operator.LogPart{Type: f.typ, Actor: q.Actor, From: f.from, To: f.to}
	if !slices.ContainsFunc(auditTypes("", ""), func(o Option) bool { return o.Value == f.typ }) {
		p.Type = other
	}
	if !isActor(q.Actor) {
		p.Actor = other
	}
	if !q.Object.IsZero() {
		p.Object = q.Object.UUID()
	}
	return p
}
