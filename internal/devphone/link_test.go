package devphone_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/devphone"
)

// withLink is a message of an invitation.
func withLink(link string) *inbox {
	return &inbox{kept: []devphone.Message{{ID: "ntc_1", To: "+12025550123", Channel: delivery.SMS, Body: "Acme: " + link, Link: link, Provider: "main", CreatedAt: at}}}
}

func TestALinkIntoThisServerCanBeFollowed(t *testing.T) {
	t.Parallel()
	h := newPhone(t, withLink(origin+"/v/abc?x=1&y=2"))
	page := get(h, "/dev/phone").Body.String()
	want := `Acme: <a href="` + origin + `/v/abc?x=1&amp;y=2" dir="ltr" target="_blank" rel="noopener noreferrer">` + origin + `/v/abc?x=1&amp;y=2</a></p>`
	if !strings.Contains(page, want) {
		t.Errorf("the page lacks %s", want)
	}
	if strings.Contains(page, `class="digits`) {
		t.Error("there is a code where none was sent")
	}
	var got struct{ Messages []struct{ Link, Code string } }
	if err := json.Unmarshal(get(h, "/dev/inbox").Body.Bytes(), &got); err != nil || len(got.Messages) != 1 || got.Messages[0].Link != origin+"/v/abc?x=1&y=2" {
		t.Errorf("the inbox: %+v, %v", got, err)
	}
}

func TestALinkThatLeadsElsewhereIsTextAlone(t *testing.T) {
	t.Parallel()
	for _, link := range []string{
		"https://evil.example/v/abc", origin + ".evil.example/v/abc", origin + "@evil.example/", "javascript:alert(1)", "data:text/html,x", origin,
		"//127.0.0.1:8080/v/abc", "/v/abc", "",
	} {
		if page := get(newPhone(t, withLink(link)), "/dev/phone").Body.String(); strings.Contains(page, "_blank") {
			t.Errorf("%q can be followed", link)
		}
	}
	in := withLink(origin + `/v/"><script>alert(1)</script>`)
	if page := get(newPhone(t, in), "/dev/phone").Body.String(); strings.Contains(page, "<script>alert") || strings.Contains(page, `href="`+origin+`/v/">`) {
		t.Errorf("the link is not escaped")
	}
	in.kept[0].Link, in.kept[0].Body = "", "see "+origin+"/v/abc"
	if page := get(newPhone(t, in), "/dev/phone").Body.String(); strings.Contains(page, "_blank") {
		t.Error("a text that a caller brought can be followed")
	}
}
