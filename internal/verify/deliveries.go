package verify

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
)

// numbersPerSend is how many delivery numbers a send has: those of send n begin at (n-1)*numbersPerSend + 1. Two sends
// may be under way at once, and a provider is told the number before it is committed, so they must not share numbers.
const numbersPerSend = 100

// nextNumber is the first delivery number of a send that held does not use.
func nextNumber(send int, held []Delivery) int {
	n := (send-1)*numbersPerSend + 1
	for _, d := range held {
		if d.Send == send && d.N >= n {
			n = d.N + 1
		}
	}
	return n
}

// recorded is what is kept of the tries of one send, beside the deliveries held. A number that held has already belongs to
// a holder of the job who was thought dead; the try then gets the next one, so that no message that may have left is
// forgotten.
func (v *Verification) recorded(send int, tries []delivery.Try, held []Delivery, now time.Time) []Delivery {
	rows := make([]Delivery, 0, len(tries))
	for _, t := range tries {
		n := t.N
		if slices.ContainsFunc(held, func(d Delivery) bool { return d.N == n }) {
			n = max(nextNumber(send, held), nextNumber(send, rows))
		}
		at := t.At
		if at.IsZero() {
			at = now
		}
		rows = append(rows, Delivery{
			Verification: v.ID, N: n, Send: send, Provider: t.Provider, Channel: t.Channel, State: t.State, Error: t.Error,
			Reference: t.Reference, Echoes: t.Echoes, Latency: t.Latency, Price: t.Price, Segments: t.Segments,
			CreatedAt: at, UpdatedAt: now,
		})
	}
	return rows
}

// LatestOf is the last of the deliveries that carries the send, nil when none does yet.
func LatestOf(deliveries []Delivery, send int) (last *Delivery) {
	for i := range deliveries {
		if one := &deliveries[i]; one.Send == send && (last == nil || one.N > last.N) {
			last = one
		}
	}
	return last
}

// gotThrough reports whether a message of any of the deliveries left us, or may have.
func gotThrough(lists ...[]Delivery) bool {
	for _, list := range lists {
		for _, d := range list {
			if d.State != delivery.Failed && d.State != delivery.ExpiredAt {
				return true
			}
		}
	}
	return false
}

// ApplyReceipt advances d by what its provider reports, and says whether that changed anything. Receipts come twice and
// in any order: what is no advance changes nothing (SP-119), but for a price that was not known.
func (d *Delivery) ApplyReceipt(r delivery.Receipt, now time.Time) bool {
	advanced := d.State.After(r.State)
	priced := d.Price == nil && r.Price != nil
	if advanced {
		d.State, d.Error = r.State, r.Error
	}
	if priced {
		d.Price = r.Price
	}
	if advanced || priced {
		d.UpdatedAt = now
	}
	return advanced || priced
}

// triesData tells of the tries of one send.
func triesData(send int, rows []Delivery) data {
	list := make(data, 0, 160)
	list = append(list, '[')
	for i, d := range rows {
		if i > 0 {
			list = append(list, ',')
		}
		one := newData().number("n", d.N).text("provider", d.Provider).text("state", string(d.State))
		if d.Error != "" {
			one = one.text("error", d.Error)
		}
		list = append(list, one.close()...)
	}
	return newData().number("send", send).raw("deliveries", append(list, ']'))
}
