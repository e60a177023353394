package twilio

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/verify"
)

const attemptsPath = Mount + "/v2/Attempts"

// ofSends are the parameters that the fields of a query of sends come from.
var ofSends = map[string]string{"to": toParameter}

// listAttempts lists the sends of the last 30 days.
func (d *door) listAttempts(w http.ResponseWriter, r *http.Request) error {
	p, err := readPage(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	q, err := attemptQuery(caller(ctx), p.query, d.Now())
	if err != nil {
		return err
	}
	refs, err := d.attemptsOf(ctx, q, p)
	if err != nil {
		return byParameter(err, ofSends)
	}
	to := ""
	if who, err := recipient.Parse(q.To, d.Rules); err == nil { // whoever asks by it knows it
		to = who.Value
	}
	list := make([]attempt, 0, len(refs))
	var rec verify.Record
	for _, ref := range refs {
		if rec.View.ID != ref.Verification { // those of one stand side by side
			if rec, err = d.Verifications.Get(ctx, caller(ctx), ref.Verification, false); fault.Is(err, fault.NotFound) {
				continue // removed since it was listed
			}
		}
		if err != nil {
			return err
		}
		if to != "" {
			rec.View.To = to
		}
		list = append(list, d.attemptBody(r, &rec, ref.N))
	}
	reply(w, http.StatusOK, map[string]any{"meta": p.meta("attempts", d.url(r, attemptsPath)), "attempts": list})
	return nil
}

// attemptsOf finds the sends of page p. A page may be short, or empty, before the end: there is a next one then.
func (d *door) attemptsOf(ctx context.Context, q verify.SendQuery, p *page) ([]verify.SendRef, error) {
	ask := verify.SendPage{Limit: p.size, Back: !p.before.IsZero()}
	switch {
	case ask.Back:
		ask.From = sendOf(p.before)
	case !p.after.IsZero():
		ask.From = sendOf(p.after)
	}
	refs, more, err := d.Verifications.Sends(ctx, q, ask)
	if err != nil {
		return nil, err
	}
	p.around(refs, more, ask)
	return refs, nil
}

// around names the pages before and behind the sends that were found for ask, and puts those in the order of the list.
func (p *page) around(refs []verify.SendRef, more verify.SendRef, ask verify.SendPage) {
	edge, token := ask.From, func(prefix string, ref verify.SendRef) string { return sid(prefix, numbered(ref)) }
	switch { // what the page was come from is on the page that is gone back to
	case len(refs) > 0:
		edge = refs[0]
	case ask.Back:
		edge.N = min(edge.N+1, maxSend)
	default:
		edge.N = max(edge.N-1, 0)
	}
	there, back := !more.Verification.IsZero(), !ask.From.Verification.IsZero()
	if ask.Back {
		slices.Reverse(refs)
		p.next = token(tokenAfter, edge)
		if there {
			p.previous = token(tokenBefore, more)
		}
		return
	}
	if there {
		p.next = token(tokenAfter, more)
	}
	if back {
		p.previous = token(tokenBefore, edge)
	}
}

// fetchAttempt reads one send. As of a verification that is read by its SID, the recipient is in full for keys that may see it,
// which is written to the audit log.
func (d *door) fetchAttempt(w http.ResponseWriter, r *http.Request) error {
	id, ok := parseSID(sidSend, r.PathValue("attempt"))
	if !ok {
		return errGone
	}
	ctx, ref := r.Context(), sendOf(id)
	rec, err := d.Verifications.Get(ctx, caller(ctx), ref.Verification, false)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(rec.View.Sends, func(s verify.Send) bool { return s.N == ref.N }) {
		return errGone
	}
	if mayReveal(ctx) {
		switch shown, err := d.Verifications.Get(ctx, caller(ctx), ref.Verification, true); {
		case err == nil:
			rec = shown
		case !fault.Is(err, fault.NotFound): // an attempt outlives its recipient, who may have been erased
			return err
		}
	}
	reply(w, http.StatusOK, d.attemptBody(r, &rec, ref.N))
	return nil
}

// summary is what came of many sends.
type summary struct {
	Attempts    int    `json:"total_attempts"`
	Converted   int    `json:"total_converted"`
	Unconverted int    `json:"total_unconverted"`
	Rate        string `json:"conversion_rate_percentage"`
	URL         string `json:"url"`
}

// summarizeAttempts counts the sends of the last 30 days.
func (d *door) summarizeAttempts(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	q, err := summaryQuery(caller(ctx), r.URL.Query(), d.Now(), mayReveal(ctx))
	if err != nil {
		return err
	}
	c, err := d.Verifications.CountSends(ctx, q)
	if fault.As(err).Code == "range_too_wide" {
		return invalid("DateCreatedAfter", "More than 200,000 verifications would have to be counted. Ask for less time with DateCreatedAfter and DateCreatedBefore.")
	}
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, summary{Attempts: c.Total, Converted: c.Converted, Unconverted: c.Total - c.Converted,
		Rate: percentage(c.Converted, c.Total), URL: d.url(r, attemptsPath+"/Summary")})
	return nil
}

// percentage is n of all in hundredths, with one to nine digits behind the point: a string, for one library takes nothing else.
func percentage(n, all int) string {
	text := strconv.FormatFloat(100*float64(n)/float64(max(all, 1)), 'f', 9, 64)
	text = strings.TrimRight(text, "0")
	if strings.HasSuffix(text, ".") {
		text += "0"
	}
	return text
}
