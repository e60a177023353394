package store

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Rows are locked and written in the order of their keys, so that two batches never wait for each other in a ring.

func compareIDs(a, b uid.ID) int { return bytes.Compare(a[:], b[:]) }

// lastID is above every id: those begin with their time.
var lastID = uid.ID{0xff}

// orLast is a bound that ids lie below; zero is none.
func orLast(below uid.ID) uid.ID {
	if below.IsZero() {
		return lastID
	}
	return below
}

// direction is the order of ids in a statement.
func direction(oldestFirst bool) string {
	if oldestFirst {
		return `ASC`
	}
	return `DESC`
}

func compareContacts(a, b contactKey) int {
	return cmp.Or(cmp.Compare(a.bucket, b.bucket), bytes.Compare(a.tenant[:], b.tenant[:]), bytes.Compare(a.blind[:], b.blind[:]))
}

func comparePlaces(a, b openKey) int {
	return cmp.Or(compareContacts(a.contactKey, b.contactKey), compareIDs(a.service, b.service),
		strings.Compare(string(a.purpose), string(b.purpose)))
}

func compareAnswers(a, b answerKey) int {
	return cmp.Or(cmp.Compare(a.bucket, b.bucket), bytes.Compare(a.key[:], b.key[:]))
}

func compareMeters(a, b verify.Meter) int {
	return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), bytes.Compare(a.Key[:], b.Key[:]))
}
