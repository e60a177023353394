package twilio_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/uid"
)

// limit makes a rate limit of the service at, with buckets of Max and Interval in turn, and gives its path.
func (c client) limit(at, name string, figures ...int) string {
	c.Helper()
	path := at + "/RateLimits/" + c.must(201, "POST", at+"/RateLimits", "UniqueName", name).text("sid")
	for i := 0; i+1 < len(figures); i += 2 {
		c.must(201, "POST", path+"/Buckets", "Max", strconv.Itoa(figures[i]), "Interval", strconv.Itoa(figures[i+1]))
	}
	return path
}

// sids are those of a list, over all its pages.
func (c client) sids(path, key string) (sids []string) {
	c.Helper()
	for next := path; next != ""; {
		a := c.must(200, "GET", next)
		if a.text("meta.key") != key {
			c.Fatalf("%s: key %q", next, a.text("meta.key"))
		}
		for _, one := range a.body[key].([]any) {
			sids = append(sids, one.(map[string]any)["sid"].(string))
		}
		next = a.text("meta.next_page_url")
	}
	return sids
}

func TestARateLimitAndItsBucketsAreMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	l := c.must(201, "POST", at+"/RateLimits", "UniqueName", "end_user.ip-1", "Description", "per <client> & minute")
	path := at + "/RateLimits/" + l.text("sid")
	dates := cmpopts.IgnoreMapEntries(func(name string, value any) bool {
		return strings.HasPrefix(name, "date_") && regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString(fmt.Sprint(value))
	})
	want := map[string]any{
		"sid": l.text("sid"), "service_sid": at[len("/Services/"):], "account_sid": c.user, "unique_name": "end_user.ip-1",
		"description": "per <client> & minute", "url": c.base + "/v2" + path, "links": map[string]any{"buckets": c.base + "/v2" + path + "/Buckets"},
	}
	if diff := cmp.Diff(want, l.body, dates); diff != "" || !regexp.MustCompile(`^RK[0-9a-f]{32}$`).MatchString(l.text("sid")) {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	if a := c.must(200, "POST", path, "Description", "", "UniqueName", "other"); a.text("description") != "" || a.text("unique_name") != "end_user.ip-1" {
		t.Errorf("changed: %s", a.raw)
	}
	if a := c.must(200, "POST", path, "Unknown", "x"); a.text("description") != "" {
		t.Errorf("changed by nothing: %s", a.raw)
	}
	b := c.must(201, "POST", path+"/Buckets", "Max", "5", "Interval", "60")
	bucket := path + "/Buckets/" + b.text("sid")
	want = map[string]any{
		"sid": b.text("sid"), "rate_limit_sid": l.text("sid"), "service_sid": at[len("/Services/"):], "account_sid": c.user,
		"max": 5.0, "interval": 60.0, "url": c.base + "/v2" + bucket,
	}
	if diff := cmp.Diff(want, b.body, dates); diff != "" || !regexp.MustCompile(`^BL[0-9a-f]{32}$`).MatchString(b.text("sid")) {
		t.Errorf("bucket (-want +got):\n%s", diff)
	}
	if a := c.must(200, "POST", bucket, "Max", "6"); a.at("max") != 6.0 || a.at("interval") != 60.0 {
		t.Errorf("changed: %s", a.raw)
	}
	if a := c.must(200, "POST", bucket, "Interval", "3600"); a.at("max") != 6.0 || a.at("interval") != 3600.0 {
		t.Errorf("changed: %s", a.raw)
	}
	if a, b := c.must(200, "GET", bucket), c.must(200, "POST", bucket); a.raw != b.raw {
		t.Errorf("changed by nothing: %s, then %s", a.raw, b.raw)
	}
	if got := c.must(200, "GET", path); got.text("sid") != l.text("sid") || got.text("date_created") != l.text("date_created") {
		t.Errorf("fetched: %s", got.raw)
	}
	for _, gone := range []string{bucket, path} {
		if a := c.must(204, "DELETE", gone); a.raw != "" {
			t.Errorf("a body: %s", a.raw)
		}
		for _, method := range []string{"GET", "POST", "DELETE"} {
			c.refused(404, 20404, method, gone, "Description", "a", "Max", "1")
		}
	}
	c.refused(404, 20404, "POST", path+"/Buckets", "Max", "1", "Interval", "1")
	c.refused(404, 20404, "GET", path+"/Buckets")
}

func TestRateLimitsAreRefusedByTwiliosCodes(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	path := c.limit(at, "session", 5, 60)
	for _, bad := range []struct {
		code      int
		path      string
		pairs     []string
		parameter string
	}{
		{20001, at + "/RateLimits", []string{"Description", "a"}, "UniqueName"},
		{20001, at + "/RateLimits", []string{"UniqueName", ""}, "UniqueName"},
		{60208, at + "/RateLimits", []string{"UniqueName", "session"}, "UniqueName"},
		{60209, at + "/RateLimits", []string{"UniqueName", "a session"}, "UniqueName"},
		{60209, at + "/RateLimits", []string{"UniqueName", "größe"}, "UniqueName"},
		{60209, at + "/RateLimits", []string{"UniqueName", "a\x00\xff"}, "UniqueName"},
		{60209, at + "/RateLimits", []string{"UniqueName", strings.Repeat("a", 65)}, "UniqueName"},
		{60200, at + "/RateLimits", []string{"UniqueName", "b", "Description", strings.Repeat("a", 257)}, "`Description`"},
		{60200, path, []string{"Description", "two\nlines"}, "`Description`"},
		{20001, path + "/Buckets", []string{"Interval", "60"}, "Max"},
		{20001, path + "/Buckets", []string{"Max", "60"}, "Interval"},
		{60200, path + "/Buckets", []string{"Max", "0", "Interval", "1"}, "`Max`"},
		{60200, path + "/Buckets", []string{"Max", "100000", "Interval", "1"}, "`Max`"},
		{60200, path + "/Buckets", []string{"Max", "-1", "Interval", "1"}, "`Max`"},
		{60200, path + "/Buckets", []string{"Max", "1.5", "Interval", "1"}, "`Max`"},
		{60200, path + "/Buckets", []string{"Max", "9223372036854775808", "Interval", "1"}, "`Max`"},
		{60200, path + "/Buckets", []string{"Max", "1", "Interval", "0"}, "`Interval`"},
		{60200, path + "/Buckets", []string{"Max", "1", "Interval", "-60"}, "`Interval`"},
		{60200, path + "/Buckets", []string{"Max", "1", "Interval", "2678401"}, "`Interval`"},
		{60200, path + "/Buckets", []string{"Max", "1", "Interval", "2147483647"}, "`Interval`"},
		{60200, path + "/Buckets", []string{"Max", "1", "Interval", "9223372036854775807"}, "`Interval`"},
		{60211, path + "/Buckets", []string{"Max", "1", "Interval", "60"}, "`Interval`"},
	} {
		if a := c.refused(400, bad.code, "POST", bad.path, bad.pairs...); !strings.Contains(a.text("message"), bad.parameter) {
			t.Errorf("%v: %s", bad.pairs, a.raw)
		}
	}
	for i := 2; i <= 10; i++ {
		c.must(201, "POST", path+"/Buckets", "Max", "99999", "Interval", strconv.Itoa(267840*i))
		c.limit(at, fmt.Sprintf("limit%d", i))
	}
	c.refused(400, 60210, "POST", path+"/Buckets", "Max", "1", "Interval", "1")
	c.refused(400, 60207, "POST", at+"/RateLimits", "UniqueName", "limit11")
	c.refused(400, 60211, "POST", path+"/Buckets/"+c.sids(path+"/Buckets", "buckets")[0], "Interval", "1339200")
}

func TestPagesHoldEveryRateLimitAndBucketOnce(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	empty := c.must(200, "GET", at+"/RateLimits")
	if list, ok := empty.body["rate_limits"].([]any); !ok || len(list) != 0 || empty.text("meta.key") != "rate_limits" {
		t.Errorf("an empty list: %s", empty.raw)
	}
	path := c.limit(at, "a", 1, 1, 1, 2, 1, 3, 1, 4, 1, 5)
	for _, name := range []string{"b", "c", "d", "e"} {
		c.limit(at, name)
	}
	for list, key := range map[string]string{at + "/RateLimits": "rate_limits", path + "/Buckets": "buckets"} {
		whole := c.sids(list, key)
		if by2 := c.sids(list+"?PageSize=2", key); len(whole) != 5 || !slices.Equal(whole, by2) {
			t.Errorf("%s: %v, and by twos %v", list, whole, by2)
		}
		second := c.must(200, "GET", c.must(200, "GET", list+"?PageSize=2&Color=red").text("meta.next_page_url"))
		back := c.must(200, "GET", second.text("meta.previous_page_url"))
		if back.body[key].([]any)[0].(map[string]any)["sid"] != whole[0] || !strings.Contains(second.text("meta.url"), "Color=red") {
			t.Errorf("back: %s", back.raw)
		}
		c.refused(400, 20007, "GET", list+"?PageSize=1001")
		c.refused(400, 20001, "GET", list+"?PageToken=nonsense")
	}
}

func TestRateLimitsOfOthersAreUnknown(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, second := c.service(), c.service("FriendlyName", "Second")
	path := c.limit(at, "session", 5, 60)
	bucket := path + "/Buckets/" + c.sids(path+"/Buckets", "buckets")[0]
	limit2 := c.limit(at, "other")
	id, err := uid.ParseTenant(dev.Other.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	other := client{TB: t, user: twilio.AccountSID(id), secret: twilio.AuthToken(dev.Other.APIKey), base: c.base}
	own := other.service()
	unknown := strings.Repeat("0", 31) + "1"
	for _, method := range []string{"GET", "POST", "DELETE"} {
		for _, p := range []string{path, bucket} {
			a := other.refused(404, 20404, method, p, "Description", "x", "Max", "9")
			b := other.refused(404, 20404, method, own+strings.TrimPrefix(p, at), "Description", "x", "Max", "9")
			if strings.ReplaceAll(a.raw, at, own) != b.raw {
				t.Errorf("one can tell another tenant's from none: %s and %s", a.raw, b.raw)
			}
			c.refused(404, 20404, method, second+strings.TrimPrefix(p, at), "Description", "x", "Max", "9")
		}
		c.refused(404, 20404, method, limit2+strings.TrimPrefix(bucket, path), "Max", "9")
		c.refused(404, 20404, method, at+"/RateLimits/RK"+unknown)
		c.refused(404, 20404, method, path+"/Buckets/BL"+unknown)
		c.refused(404, 20404, method, at+"/RateLimits/BL"+unknown)
	}
	if a := c.must(200, "GET", bucket); a.at("max") != 5.0 {
		t.Errorf("changed by others: %s", a.raw)
	}
}

func TestARateLimitHolds(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	path := c.limit(at, "end_user", 2, 3600, 50, 86400)
	c.limit(at, "bare")
	start := func(to, limits string) answer {
		return c.ask("POST", at+"/Verifications", form("To", to, "Channel", "sms", "RateLimits", limits))
	}
	const value = "203.0.113.77"
	to, again, third := number(), number(), number()
	limits := `{"end_user":"` + value + `","bare":"x"}`
	if a := start(to, limits); a.status != 201 {
		t.Fatalf("the first: %s", a.raw)
	}
	first := c.must(200, "GET", at+"/Verifications/"+to)
	if a := start(to, limits); a.status != 201 || a.text("sid") != first.text("sid") || len(a.body["send_code_attempts"].([]any)) != 2 {
		t.Fatalf("sent again: %s", a.raw)
	}
	for range 2 { // by the database, then from memory
		for _, to := range []string{to, third} {
			a := start(to, limits)
			c.isError(a, 429, 20429)
			wait, err := strconv.Atoi(a.header.Get("Retry-After"))
			if err != nil || wait < 1 || wait > 3601 || !strings.Contains(a.text("message"), "end_user") || strings.Contains(a.raw, value) {
				t.Errorf("refused with %s and Retry-After %q", a.raw, a.header.Get("Retry-After"))
			}
		}
	}
	c.refused(404, 20404, "GET", at+"/Verifications/"+third)
	inbox := client{TB: t}.ask("GET", dev.BaseURL+"/dev/inbox?to="+strings.ReplaceAll(third, "+", "%2B"), nil)
	if list, _ := inbox.body["messages"].([]any); len(list) != 0 {
		t.Errorf("a refused create was sent: %s", inbox.raw)
	}
	c.message(to, 2)
	for _, free := range []string{`{"end_user":"other"}`, `{"bare":"` + value + `"}`, `{}`, ``} {
		if a := start(third, free); a.status != 201 {
			t.Errorf("%s: %s", free, a.raw)
		}
	}
	// A number and a text with its digits are one value.
	if a, b := start(again, `{"end_user":12}`), start(again, `{"end_user":"12"}`); a.status != 201 || b.status != 201 {
		t.Errorf("numbers: %s %s", a.raw, b.raw)
	}
	c.isError(start(again, `{"end_user":12}`), 429, 20429)
	// A wider limit counts what there is, and a limit that is deleted is no name any more.
	for _, b := range c.sids(path+"/Buckets", "buckets") {
		if a := c.must(200, "GET", path+"/Buckets/"+b); a.at("max") == 2.0 {
			c.must(204, "DELETE", path+"/Buckets/"+b)
		}
	}
	if a := start(again, `{"end_user":12}`); a.status != 201 {
		t.Errorf("without the bucket: %s", a.raw)
	}
	c.must(204, "DELETE", path)
	if a := start(again, limits); !strings.Contains(a.text("message"), "`RateLimits`") {
		t.Errorf("a limit that is deleted: %s", a.raw)
	}
}

func TestTheNativeAPIKeepsRateLimits(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	path := c.limit(at, "session", 1, 60)
	id, err := uid.ParseHex(at[len("/Services/VA"):])
	if err != nil {
		t.Fatal(err)
	}
	for method, body := range map[string]string{"GET": "", "PATCH": `{"max_sends":3}`} {
		r, _ := http.NewRequestWithContext(t.Context(), method, dev.BaseURL+"/v1/services/"+id.Text(uid.Service), strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+dev.APIKey)
		r.Header.Set("Content-Type", "application/json")
		if a := (client{TB: t}).send(r); a.status != 200 {
			t.Errorf("%s: %d %s", method, a.status, a.raw)
		}
	}
	if left := c.sids(path+"/Buckets", "buckets"); len(left) != 1 {
		t.Errorf("%d buckets are left", len(left))
	}
}

func TestRateLimitsThatCantBeReadAreRefused(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	c.limit(at, "end_user", 1, 3600)
	for _, bad := range []string{
		`no object`, `[]`, `null`, `"end_user"`, `1`, `{"end_user":null}`, `{"end_user":true}`, `{"end_user":["a"]}`, `{"end_user":{"a":1}}`,
		`{"end_user":"a"} {}`, `{"end_user":"a"},`, `{"end_user":"a"`, `{"End_User":"a"}`, `{"other":"a"}`, `{"end_user":"a","other":"b"}`, `{"":""}`,
		`{"end_user":"` + strings.Repeat("a", 1025) + `"}`, strings.Repeat(`{"a":`, 4000), strings.Repeat("[", 20_000),
	} {
		a := c.ask("POST", at+"/Verifications", form("To", to, "Channel", "sms", "RateLimits", bad))
		if c.isError(a, 400, 60200); !strings.Contains(a.text("message"), "`RateLimits`") {
			t.Errorf("%.40s: %s", bad, a.raw)
		}
	}
	c.refused(404, 20404, "GET", at+"/Verifications/"+to)
	c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms", "RateLimits", `{"end_user":"a"}`) // nothing was counted
}

func TestOfManyCreatesAtOnceNoMorePassThanARateLimitSays(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	c.limit(at, "session", 5, 3600)
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			to := fmt.Sprintf("many%d@example.com", n)
			a := c.ask("POST", at+"/Verifications", form("To", to, "Channel", "email", "RateLimits", `{"session":"s"}`))
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	wg.Wait()
	if statuses[201] != 5 || statuses[429] != 59 {
		t.Errorf("answered %v, want 5 times 201 and 59 times 429", statuses)
	}
}
