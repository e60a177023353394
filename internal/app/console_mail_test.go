package app

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

// operatorOf signs the operator of development mode in.
func (w *town) operatorOf() (*visitor, credentials) {
	w.Helper()
	var made credentials
	text, err := os.ReadFile(filepath.Join(w.dir, "dev-credentials.json"))
	if err != nil || json.Unmarshal(text, &made) != nil {
		w.Fatalf("no credentials: %v", err)
	}
	v := w.visitor()
	v.open("/console/sign-in")
	v.press("/console/sign-in", url.Values{"email": {made.Operator.Email}, "password": {made.Operator.Password}})
	return v, made
}

// masks are the numbers as a page shows them, each once.
func masks(page string) []string {
	all := regexp.MustCompile(`\+1 [•0-9 ]+`).FindAllString(page, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// rows are those of the list on the page, "" when it has none.
func (v *visitor) rows() string {
	_, rows, _ := strings.Cut(v.text, "<tbody>")
	return rows
}

// TestRA_30_MessagesOfAnInvitationInTheConsole: its link and its code stand in the list and in its window, to one and the same mask, and
// lead to the window; a code over the API stands there too, and leads nowhere.
func TestRA_30_MessagesOfAnInvitationInTheConsole(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	v, made := w.operatorOf()
	id, _ := w.invited(func(r *invite.CreateRequest) { r.Silent = false })
	var link string
	w.wait("the link", func() bool {
		for _, m := range w.s.inbox.Messages(devMobile) {
			if i := strings.Index(m.Body, "/v/"); i >= 0 {
				link = strings.Fields(m.Body[i:])[0]
			}
		}
		return link != ""
	})
	c := w.visitor()
	c.open(link)
	c.press("/mobile/send", nil)
	w.code(devMobile, 1)
	w.api(made.APIKey, "POST", "/v1/verifications", `{"to":"`+devMobile+`","purpose":"payment"}`)
	w.code(devMobile, 2)

	window := "/console/verifications/" + id.Text(uid.Invitation)
	const mask = "+1 ••• ••• •123"
	w.wait("the messages in the list", func() bool {
		v.open("/console/messages?order=newest")
		list := v.rows()
		return strings.Count(list, ">Code<") == 2 && strings.Count(list, ">Link<") == 2 && !strings.Contains(list, ">Sending<")
	})
	if n := strings.Count(v.text, `class="row" href="`+window+`"`); n != 3 {
		t.Errorf("%d rows lead to the window, want those of the link by two channels and of one code", n)
	}
	if got := masks(v.text); !slices.Equal(got, []string{mask}) {
		t.Errorf("the list shows the number as %q", got)
	}
	v.open("/console/messages?order=newest&kind=link&channel=sms")
	if list := v.rows(); !strings.Contains(list, ">Link<") || strings.Contains(list, ">Code<") || strings.Contains(list, "•••@") {
		t.Errorf("links by SMS are not those:\n%s", list)
	}
	v.open(window)
	if links, codes := strings.Count(v.text, "<span>Link<"), strings.Count(v.text, "<span>Code<"); links != 2 || codes != 1 {
		t.Errorf("the window has %d links and %d codes", links, codes)
	}
	if got := masks(v.text); !slices.Equal(got, []string{mask}) {
		t.Errorf("the window shows the number as %q", got)
	}
	if got := masks(c.text); !slices.Equal(got, []string{mask}) {
		t.Errorf("the customer's page shows the number as %q", got)
	}
}
