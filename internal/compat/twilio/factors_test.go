package twilio_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// totp is the code of an authenticator (RFC 6238), set up with the answer to an enrolment, so many steps from now.
func (c client) totp(factor answer, steps int) string {
	c.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(factor.text("binding.secret"))
	if err != nil || len(secret) == 0 {
		c.Fatalf("no secret in %s: %v", factor.raw, err)
	}
	make := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}[factor.text("config.alg")]
	mac := hmac.New(make, secret)
	step := time.Now().Unix()/int64(factor.at("config.time_step").(float64)) + int64(steps)
	_ = binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0xf:]) & 0x7fffffff
	digits := int(factor.at("config.code_length").(float64))
	text := fmt.Sprintf("%010d", n)
	return text[len(text)-digits:]
}

// enrolled makes a factor of an entity. Its codes of three steps are right, so that a test may use two of them, whatever the time.
func (c client) enrolled(entity string, pairs ...string) answer {
	c.Helper()
	return c.must(201, "POST", entity+"/Factors", append([]string{"FactorType", "totp", "FriendlyName", "phone", "Config.Skew", "2"}, pairs...)...)
}

// verified makes a factor and verifies it by the code of the step before this one.
func (c client) verified(entity string, pairs ...string) answer {
	c.Helper()
	f := c.enrolled(entity, pairs...)
	if a := c.must(200, "POST", entity+"/Factors/"+f.text("sid"), "AuthPayload", c.totp(f, -1)); a.text("status") != "verified" {
		c.Fatalf("not verified: %s", a.raw)
	}
	return f
}

func same(t *testing.T, a answer, want map[string]any) {
	t.Helper()
	for name := range want {
		if want[name] == "any date" && regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString(a.text(name)) {
			want[name] = a.text(name)
		}
	}
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEntityIsMadeReadAndRemoved(t *testing.T) {
	t.Parallel()
	c := account(t)
	service := c.must(200, "GET", c.service())
	list := service.text("links.entities")
	a := c.must(201, "POST", list, "Identity", "ident-0001")
	at := list + "/ident-0001"
	if !regexp.MustCompile(`^YE[0-9a-f]{32}$`).MatchString(a.text("sid")) {
		t.Errorf("sid %q", a.text("sid"))
	}
	same(t, a, map[string]any{
		"sid": a.text("sid"), "identity": "ident-0001", "account_sid": c.user, "service_sid": service.text("sid"),
		"date_created": "any date", "date_updated": "any date", "url": at,
		"links": map[string]any{"factors": at + "/Factors", "new_factors": at + "/Factors", "challenges": at + "/Challenges"},
	})
	same(t, c.must(200, "GET", at), a.body)
	c.refused(409, 60301, "POST", list, "Identity", "ident-0001")
	c.refused(400, 20001, "POST", list)
	for _, bad := range []string{"short", strings.Repeat("a", 65), "ann@example.com", "+12025550123"} {
		c.refused(400, 60300, "POST", list, "Identity", bad)
		c.refused(404, 20404, "GET", list+"/"+bad)
	}
	if gone := c.must(204, "DELETE", at); gone.raw != "" {
		t.Errorf("a body: %s", gone.raw)
	}
	c.refused(404, 20404, "GET", at)
	c.refused(404, 20404, "DELETE", at)
	c.refused(404, 20404, "GET", at+"/Factors")
	c.refused(404, 20404, "GET", at+"/Challenges?Status=denied")
}

func TestAnAuthenticatorIsEnrolledAndVerified(t *testing.T) {
	t.Parallel()
	c := account(t)
	service := c.service("Totp.Issuer", "Acme Login", "Totp.Skew", "2")
	list := c.base + "/v2" + service + "/Entities/ident-0001"
	made := c.must(201, "POST", list+"/Factors", "FactorType", "totp", "FriendlyName", "Ann's phone", "Metadata", `{"os":"any"}`)
	entity := c.must(200, "GET", list) // the first factor made it
	at := list + "/Factors/" + made.text("sid")
	secret, uri := made.text("binding.secret"), made.text("binding.uri")
	if want := "otpauth://totp/Acme%20Login:Ann%27s%20phone?secret=" + secret + "&issuer=Acme%20Login&algorithm=SHA1&digits=6&period=30"; uri != want {
		t.Errorf("uri %s, want %s", uri, want)
	}
	same(t, made, map[string]any{
		"sid": made.text("sid"), "account_sid": c.user, "service_sid": entity.text("service_sid"), "entity_sid": entity.text("sid"),
		"identity": "ident-0001", "friendly_name": "Ann's phone", "status": "unverified", "factor_type": "totp",
		"config":   map[string]any{"alg": "sha1", "skew": 2.0, "code_length": 6.0, "time_step": 30.0},
		"metadata": map[string]any{"os": "any"}, "date_created": "any date", "date_updated": "any date", "url": at,
		"options": nil, "binding": map[string]any{"secret": secret, "uri": uri},
	})

	c.refused(403, 60318, "POST", list+"/Challenges", "FactorSid", made.text("sid"), "AuthPayload", c.totp(made, 0))
	if a := c.must(200, "POST", at, "AuthPayload", wrong(c.totp(made, -1))); a.text("status") != "unverified" {
		t.Errorf("a wrong code: %s", a.raw)
	}
	verified := c.must(200, "POST", at, "AuthPayload", c.totp(made, -1))
	if verified.text("status") != "verified" {
		t.Fatalf("the right code: %s", verified.raw)
	}
	for _, a := range []answer{verified, c.must(200, "GET", at), c.must(200, "GET", list+"/Factors"), c.must(200, "POST", at, "FriendlyName", "tablet")} {
		if strings.Contains(a.raw, secret) || strings.Contains(a.raw, "binding") {
			t.Errorf("the secret is shown again: %s", a.raw)
		}
	}
}

func TestAChallengeIsMadeWithItsCode(t *testing.T) {
	t.Parallel()
	c := account(t)
	list := c.base + "/v2" + c.service() + "/Entities/ident-0001"
	made := c.verified(list)
	entity := c.must(200, "GET", list)
	asked := c.must(201, "POST", list+"/Challenges", "FactorSid", made.text("sid"), "AuthPayload", c.totp(made, 0), "HiddenDetails", `{"ip":"192.0.2.1"}`,
		"Details.Message", "Sign in?", "Details.Fields", `{"label":"Action","value":"Sign in"}`)
	one := list + "/Challenges/" + asked.text("sid")
	if !regexp.MustCompile(`^YC[0-9a-f]{32}$`).MatchString(asked.text("sid")) {
		t.Errorf("sid %q", asked.text("sid"))
	}
	same(t, asked, map[string]any{
		"sid": asked.text("sid"), "account_sid": c.user, "service_sid": entity.text("service_sid"), "entity_sid": entity.text("sid"),
		"identity": "ident-0001", "factor_sid": made.text("sid"), "factor_type": "totp", "status": "approved", "responded_reason": "none",
		"details":        map[string]any{"message": "Sign in?", "fields": []any{map[string]any{"label": "Action", "value": "Sign in"}}},
		"hidden_details": map[string]any{"ip": "192.0.2.1"}, "metadata": nil, "date_created": "any date", "date_updated": "any date",
		"date_responded": "any date", "expiration_date": "any date", "url": one, "links": map[string]any{"notifications": one + "/Notifications"},
	})
	same(t, c.must(200, "GET", one), asked.body)
	c.refused(403, 60322, "POST", one, "AuthPayload", c.totp(made, 0))
	again := c.must(201, "POST", list+"/Challenges", "FactorSid", made.text("sid"), "AuthPayload", c.totp(made, -1))
	if again.text("status") != "pending" {
		t.Errorf("a code that was used is right again: %s", again.raw)
	}
}

func TestAChallengeIsAnsweredLater(t *testing.T) {
	t.Parallel()
	c := account(t)
	entity := c.service() + "/Entities/ident-0001"
	f := c.verified(entity)
	asked := c.must(201, "POST", entity+"/Challenges", "FactorSid", f.text("sid"))
	if asked.text("status") != "pending" || asked.at("date_responded") != nil || asked.at("details") != nil {
		t.Errorf("asked: %s", asked.raw)
	}
	one := entity + "/Challenges/" + asked.text("sid")
	for _, code := range []string{wrong(c.totp(f, 0)), "1234567"} { // the other is too long to be right
		if a := c.must(200, "POST", one, "AuthPayload", code); a.text("status") != "pending" {
			t.Errorf("a wrong code: %s", a.raw)
		}
	}
	c.refused(400, 20001, "POST", one)
	if a := c.must(200, "POST", one, "AuthPayload", c.totp(f, 0)); a.text("status") != "approved" || a.text("date_responded") == "" {
		t.Errorf("the right code: %s", a.raw)
	}
}

func TestTheSixthWrongCodeIsRefusedAndSoIsTheRightOne(t *testing.T) {
	t.Parallel()
	c := account(t)
	entity := c.service() + "/Entities/ident-0001"
	f := c.enrolled(entity)
	at := entity + "/Factors/" + f.text("sid")
	for range 5 {
		if a := c.must(200, "POST", at, "AuthPayload", wrong(c.totp(f, 0))); a.text("status") != "unverified" {
			t.Errorf("a wrong code: %s", a.raw)
		}
	}
	c.refused(429, 60310, "POST", at, "AuthPayload", c.totp(f, 0))

	f = c.verified(entity)
	asked := c.must(201, "POST", entity+"/Challenges", "FactorSid", f.text("sid"), "AuthPayload", wrong(c.totp(f, 0)))
	one := entity + "/Challenges/" + asked.text("sid")
	for range 4 {
		if a := c.must(200, "POST", one, "AuthPayload", wrong(c.totp(f, 0))); a.text("status") != "pending" {
			t.Errorf("a wrong code: %s", a.raw)
		}
	}
	c.refused(429, 60308, "POST", one, "AuthPayload", c.totp(f, 0))
	next := c.must(201, "POST", entity+"/Challenges", "FactorSid", f.text("sid"), "AuthPayload", c.totp(f, 0))
	if next.text("status") != "approved" {
		t.Errorf("the next challenge: %s", next.raw)
	}
}

func TestAFactorIsMadeAsItsServiceSaysOrAsAsked(t *testing.T) {
	t.Parallel()
	c := account(t)
	entity := c.service("Totp.TimeStep", "60", "Totp.CodeLength", "8", "Totp.Skew", "0", "FriendlyName", "Shop") + "/Entities/ident-0001"
	a := c.must(201, "POST", entity+"/Factors", "FactorType", "totp", "FriendlyName", "phone")
	if diff := cmp.Diff(map[string]any{"alg": "sha1", "skew": 0.0, "code_length": 8.0, "time_step": 60.0}, a.at("config")); diff != "" {
		t.Errorf("of the service:\n%s", diff)
	}
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	a = c.enrolled(entity, "Config.Alg", "sha512", "Config.CodeLength", "7", "Config.TimeStep", "30", "Binding.Secret", secret)
	if a.text("binding.secret") != secret || !strings.HasSuffix(a.text("binding.uri"), "&algorithm=SHA512&digits=7&period=30") {
		t.Errorf("as asked: %s", a.raw)
	}
	at := entity + "/Factors/" + a.text("sid")
	if v := c.must(200, "POST", at, "AuthPayload", c.totp(a, 0)); v.text("status") != "verified" {
		t.Errorf("its code: %s", v.raw)
	}
	b := c.must(200, "POST", at, "Config.CodeLength", "6", "Config.Alg", "sha256", "FriendlyName", "tablet")
	if diff := cmp.Diff(map[string]any{"alg": "sha256", "skew": 2.0, "code_length": 6.0, "time_step": 30.0}, b.at("config")); diff != "" ||
		b.text("friendly_name") != "tablet" || b.text("status") != "verified" {
		t.Errorf("changed: %s", b.raw)
	}
	c.refused(400, 60300, "POST", at, "AuthPayload", "123456") // verified already: no code may look right here
}

func TestValuesOfFactorsAndChallengesAreRefusedByName(t *testing.T) {
	t.Parallel()
	c := account(t)
	entity := c.service() + "/Entities/ident-0001"
	f := c.verified(entity)
	at := entity + "/Factors/" + f.text("sid")
	for _, bad := range [][2]string{
		{"FactorType", "push"}, {"FactorType", "sms"}, {"FriendlyName", strings.Repeat("a", 65)}, {"Config.Alg", "md5"},
		{"Config.TimeStep", "19"}, {"Config.TimeStep", "61"}, {"Config.Skew", "3"}, {"Config.CodeLength", "2"}, {"Config.CodeLength", "9"},
		{"Metadata", "[]"}, {"Metadata", `{"a":1}`}, {"Metadata", `{"a":"` + strings.Repeat("b", 1024) + `"}`}, {"Binding.Secret", "1"},
		{"Binding.Secret", "ABCD"},
	} {
		form := form("FactorType", "totp", "FriendlyName", "phone")
		form.Set(bad[0], bad[1])
		c.named(c.ask("POST", entity+"/Factors", form), 60300, bad[0])
	}
	for _, bad := range [][2]string{{"AuthPayload", "12"}, {"AuthPayload", "123456789"}, {"AuthPayload", "12a456"}, {"Config.Skew", "3"}} {
		c.named(c.ask("POST", at, form(bad[0], bad[1])), 60300, bad[0])
	}
	c.named(c.ask("POST", at, form("AuthPayload", "123456", "FriendlyName", "both")), 60300, "AuthPayload")
	many := form("FactorSid", f.text("sid"))
	for range 21 {
		many.Add("Details.Fields", `{"label":"a","value":"b"}`)
	}
	c.named(c.ask("POST", entity+"/Challenges", many), 60306, "Details.Fields")
	for _, bad := range [][2]string{
		{"AuthPayload", "12"}, {"ExpirationDate", "soon"}, {"ExpirationDate", "2020-01-01T00:00:00Z"},
		{"ExpirationDate", time.Now().Add(61 * time.Minute).UTC().Format(time.RFC3339)}, {"Details.Fields", "x"},
		{"Details.Fields", `{"label":"` + strings.Repeat("a", 37) + `","value":""}`}, {"HiddenDetails", "[]"},
		{"HiddenDetails", `{"a":"` + strings.Repeat("b", 1024) + `"}`},
	} {
		c.named(c.ask("POST", entity+"/Challenges", form("FactorSid", f.text("sid"), bad[0], bad[1])), 60306, bad[0])
	}
	c.refused(400, 20001, "POST", entity+"/Factors", "FriendlyName", "phone")
	c.refused(400, 20001, "POST", entity+"/Factors", "FactorType", "totp")
	c.refused(400, 20001, "POST", entity+"/Challenges")
	c.refused(400, 60300, "POST", c.service()+"/Entities/short/Factors", "FactorType", "totp", "FriendlyName", "phone")
}

// named holds an answer to be the refusal of one parameter.
func (c client) named(a answer, code int, parameter string) {
	c.Helper()
	c.isError(a, 400, code)
	if !strings.Contains(a.text("message"), "`"+parameter+"`") {
		c.Errorf("%s is not named: %s", parameter, a.raw)
	}
}

func TestFactorsOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	c := account(t)
	service := c.service()
	entity := service + "/Entities/ident-0001"
	f := c.verified(entity)
	asked := c.must(201, "POST", entity+"/Challenges", "FactorSid", f.text("sid"))
	c.must(201, "POST", service+"/Entities", "Identity", "ident-0002")
	elsewhere := c.service() + "/Entities/ident-0001"
	c.must(201, "POST", strings.TrimSuffix(elsewhere, "/ident-0001"), "Identity", "ident-0001")
	other := neighbour(t)
	theirs := other.service() + "/Entities/ident-0001"
	other.must(201, "POST", strings.TrimSuffix(theirs, "/ident-0001"), "Identity", "ident-0001")
	for _, who := range []struct {
		client
		entity string
	}{{c, service + "/Entities/ident-0002"}, {c, elsewhere}, {other, theirs}, {other, entity}} {
		for _, tail := range []string{"/Factors/" + f.text("sid"), "/Challenges/" + asked.text("sid")} {
			who.refused(404, 20404, "GET", who.entity+tail)
			who.refused(404, 20404, "POST", who.entity+tail, "AuthPayload", c.totp(f, 0))
		}
		who.refused(404, 20404, "POST", who.entity+"/Factors/"+f.text("sid"), "FriendlyName", "mine")
		who.refused(404, 20404, "DELETE", who.entity+"/Factors/"+f.text("sid"))
		who.refused(404, 20404, "POST", who.entity+"/Challenges", "FactorSid", f.text("sid"), "AuthPayload", c.totp(f, 0))
	}
	if a := c.must(200, "POST", entity+"/Challenges/"+asked.text("sid"), "AuthPayload", c.totp(f, 0)); a.text("status") != "approved" {
		t.Errorf("the owner's own code, after strangers handed it in: %s", a.raw)
	}
	c.must(204, "DELETE", entity+"/Factors/"+f.text("sid"))
	c.refused(404, 20404, "GET", entity+"/Factors/"+f.text("sid"))
	c.refused(404, 20404, "GET", entity+"/Challenges/"+asked.text("sid"))
}

func TestFactorsOfADeletedServiceCanNotBeReached(t *testing.T) {
	t.Parallel()
	c := account(t)
	service := c.service()
	entity := service + "/Entities/ident-0001"
	f := c.verified(entity)
	asked := c.must(201, "POST", entity+"/Challenges", "FactorSid", f.text("sid"))
	c.must(204, "DELETE", service)
	c.refused(404, 20404, "GET", service+"/Entities")
	c.refused(404, 20404, "POST", service+"/Entities", "Identity", "ident-0002")
	c.refused(404, 20404, "POST", entity+"/Factors", "FactorType", "totp", "FriendlyName", "phone")
	c.refused(404, 20404, "POST", entity+"/Challenges", "FactorSid", f.text("sid"))
	c.refused(404, 20404, "POST", entity+"/Challenges/"+asked.text("sid"), "AuthPayload", c.totp(f, 0))
	c.refused(404, 20404, "GET", entity)
}

// sids are those on a page of a list.
func (a answer) sids(key string) (sids []string) {
	list, _ := a.body[key].([]any)
	for _, item := range list {
		sids = append(sids, item.(map[string]any)["sid"].(string))
	}
	return sids
}

// pages follows a list to its end and back, and gives it as it was on the way there.
func (c client) pages(path, key string, back bool) (all []string) {
	c.Helper()
	var there [][]string
	var last answer
	for next := path; next != ""; next = last.text("meta.next_page_url") {
		last = c.must(200, "GET", next)
		if last.text("meta.key") != key || last.body[key] == nil {
			c.Errorf("meta.key %q: %s", last.text("meta.key"), last.raw)
		}
		there = append(there, last.sids(key))
		all = append(all, last.sids(key)...)
	}
	for i := len(there) - 2; back && i >= 0; i-- {
		if last = c.must(200, "GET", last.text("meta.previous_page_url")); !slices.Equal(last.sids(key), there[i]) {
			c.Errorf("page %d, on the way back: %v, want %v", i, last.sids(key), there[i])
		}
	}
	if (back || key == "entities") && last.at("meta.previous_page_url") != nil {
		c.Errorf("a page before the first: %s", last.raw)
	}
	return all
}

func TestListsOfFactorsAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	c := account(t)
	service := c.service()
	var entities, factors, challenges, approved []string
	for i := range 5 {
		entities = append(entities, c.must(201, "POST", service+"/Entities", "Identity", fmt.Sprintf("ident-%04d", i)).text("sid"))
	}
	entity := service + "/Entities/ident-0000"
	for range 3 {
		factors = append(factors, c.verified(entity).text("sid"))
	}
	f := c.verified(entity)
	factors = append(factors, f.text("sid"))
	for i := range 6 {
		challenges = append(challenges, c.must(201, "POST", entity+"/Challenges", "FactorSid", factors[i%2*3]).text("sid"))
	}
	approved = append(approved, c.must(201, "POST", entity+"/Challenges", "FactorSid", f.text("sid"), "AuthPayload", c.totp(f, 0)).text("sid"))
	all := slices.Concat(challenges, approved)
	newest := slices.Clone(all)
	slices.Reverse(newest)
	list := entity + "/Challenges?PageSize=2"
	for name, l := range map[string]struct{ got, want []string }{
		"entities":   {c.pages(service+"/Entities?PageSize=2", "entities", false), entities},
		"factors":    {c.pages(entity+"/Factors?PageSize=3", "factors", true), factors},
		"challenges": {c.pages(list, "challenges", true), all},
		"newest":     {c.pages(list+"&Order=desc", "challenges", true), newest},
		"of a factor": {c.pages(list+"&FactorSid="+url.QueryEscape(factors[0]), "challenges", true),
			[]string{challenges[0], challenges[2], challenges[4]}},
		"pending":  {c.pages(list+"&Status=pending", "challenges", true), challenges},
		"approved": {c.pages(list+"&Status=approved", "challenges", true), approved},
		"expired":  {c.pages(list+"&Status=expired", "challenges", true), nil},
		"denied":   {c.pages(list+"&Status=denied", "challenges", true), nil},
	} {
		sort := func(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }
		if name != "newest" && !slices.Equal(sort(l.got), sort(l.want)) || name == "newest" && len(l.got) != len(l.want) {
			t.Errorf("%s: %v, want %v", name, l.got, l.want)
		}
	}
	up, down := c.pages(list, "challenges", false), c.pages(list+"&Order=desc", "challenges", false)
	if slices.Reverse(down); !slices.Equal(up, down) {
		t.Errorf("newest first is not oldest first from its end: %v and %v", up, down)
	}
}

func TestASecretIsOnceInAnEntity(t *testing.T) {
	t.Parallel()
	c := account(t)
	service := c.service()
	entity := service + "/Entities/ident-0001"
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	with := []string{"FactorType", "totp", "FriendlyName", "phone", "Binding.Secret", secret}
	first := c.must(201, "POST", entity+"/Factors", with...)
	if a := c.refused(409, 60317, "POST", entity+"/Factors", with...); strings.Contains(a.raw, secret) {
		t.Errorf("the secret is told: %s", a.raw)
	}
	c.must(201, "POST", service+"/Entities/ident-0002/Factors", with...)
	c.must(204, "DELETE", entity+"/Factors/"+first.text("sid"))
	c.must(201, "POST", entity+"/Factors", with...)
}

func TestAFactorOfShortCodesIsAskedTenTimesADay(t *testing.T) {
	t.Parallel()
	c := account(t)
	entity := c.service() + "/Entities/ident-0001"
	f := c.verified(entity, "Config.CodeLength", "4")
	for range 10 {
		c.must(201, "POST", entity+"/Challenges", "FactorSid", f.text("sid"))
	}
	a := c.refused(429, 60312, "POST", entity+"/Challenges", "FactorSid", f.text("sid"), "AuthPayload", c.totp(f, 0))
	if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 86000 || wait > 86402 {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	if list := c.must(200, "GET", entity+"/Challenges"); len(list.body["challenges"].([]any)) != 10 {
		t.Errorf("%s", list.raw)
	}
}
