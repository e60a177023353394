package twilio_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	verify "github.com/twilio/twilio-go/rest/verify/v2"
)

const ann = "ident-0001"

// totp is the code of six digits that an authenticator shows for a secret, so many steps of 30 seconds from now (RFC 6238).
func totp(t *testing.T, secret string, steps int64) string {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30+steps) // a hash takes everything
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1e6)
}

// enrol makes a factor of Ann's, and gives its SID and secret.
func enrol(t *testing.T, a acme) (sid, secret string) {
	t.Helper()
	f, err := a.api.CreateNewFactor(a.sid, ann, (&verify.CreateNewFactorParams{}).SetFactorType("totp").SetFriendlyName("phone"))
	if err != nil {
		t.Fatal(err)
	}
	return *f.Sid, (*f.Binding).(map[string]any)["secret"].(string)
}

// enrolled is a factor that has shown its first code, that of the step before this one.
func enrolled(t *testing.T, a acme) (sid, secret string) {
	t.Helper()
	sid, secret = enrol(t, a)
	for range 2 { // again, should a step end in between
		if status(t, a, sid, totp(t, secret, -1)) == "verified" {
			return sid, secret
		}
	}
	t.Fatal("not verified")
	return "", ""
}

// status is that of a factor after a code.
func status(t *testing.T, a acme, sid, code string) string {
	t.Helper()
	f, err := a.api.UpdateFactor(a.sid, ann, sid, (&verify.UpdateFactorParams{}).SetAuthPayload(code))
	if err != nil {
		t.Fatal(err)
	}
	return *f.Status
}

func TestFactors(t *testing.T) {
	t.Run("a new factor makes its entity, and shows its secret once", func(t *testing.T) {
		a := newAcme(t, func(p *verify.CreateServiceParams) { p.SetTotpIssuer("Acme Login") })
		p := (&verify.CreateNewFactorParams{}).SetFactorType("totp").SetFriendlyName("Ann phone").SetConfigSkew(2).SetConfigAlg("sha1")
		f, err := a.api.CreateNewFactor(a.sid, ann, p)
		if err != nil {
			t.Fatal(err)
		}
		isSID(t, "YF", f.Sid)
		isRecent(t, f.DateCreated)
		binding := (*f.Binding).(map[string]any)
		if uri, _ := binding["uri"].(string); !strings.HasPrefix(uri, "otpauth://totp/Acme%20Login:Ann%20phone?secret=") {
			t.Error(uri)
		}
		if config := (*f.Config).(map[string]any); config["skew"] != 2. || config["alg"] != "sha1" || config["time_step"] != 30. {
			t.Error(config)
		}
		e, err := a.api.FetchEntity(a.sid, ann)
		if err != nil || *e.Sid != *f.EntitySid {
			t.Errorf("%+v %v", e, err)
		}
	})
	t.Run("a factor is verified by its first code", func(t *testing.T) {
		a := newAcme(t, nil)
		sid, secret := enrol(t, a)
		if got := status(t, a, sid, wrong(totp(t, secret, 0))); got != "unverified" {
			t.Errorf("after a wrong code: %s", got)
		}
		if got := status(t, a, sid, totp(t, secret, 0)); got != "verified" {
			t.Errorf("after the right code: %s", got)
		}
	})
	t.Run("after five wrong codes a factor takes none", func(t *testing.T) {
		a := newAcme(t, nil)
		sid, secret := enrol(t, a)
		for range 5 {
			status(t, a, sid, wrong(totp(t, secret, 0)))
		}
		_, err := a.api.UpdateFactor(a.sid, ann, sid, (&verify.UpdateFactorParams{}).SetAuthPayload(totp(t, secret, 0)))
		refused(t, err, 429, 60310)
	})
	t.Run("factors are listed and removed", func(t *testing.T) {
		a := newAcme(t, nil)
		one, _ := enrol(t, a)
		two, _ := enrol(t, a)
		all, err := a.api.ListFactor(a.sid, ann, (&verify.ListFactorParams{}).SetPageSize(1))
		if err != nil || len(all) != 2 || *all[0].Sid != min(one, two) || *all[1].Sid != max(one, two) { // oldest first
			t.Errorf("%+v %v", all, err)
		}
		if err := a.api.DeleteFactor(a.sid, ann, one); err != nil {
			t.Error(err)
		}
		_, err = a.api.FetchFactor(a.sid, ann, one)
		refused(t, err, 404, 20404)
	})
	t.Run("an identity is there once", func(t *testing.T) {
		a := newAcme(t, nil)
		if _, err := a.api.CreateEntity(a.sid, (&verify.CreateEntityParams{}).SetIdentity(ann)); err != nil {
			t.Fatal(err)
		}
		_, err := a.api.CreateEntity(a.sid, (&verify.CreateEntityParams{}).SetIdentity(ann))
		refused(t, err, 409, 60301)
		if err := a.api.DeleteEntity(a.sid, ann); err != nil {
			t.Error(err)
		}
		_, err = a.api.FetchEntity(a.sid, ann)
		refused(t, err, 404, 20404)
	})
}

func TestChallenges(t *testing.T) {
	ask := func(factor string) *verify.CreateChallengeParams {
		return (&verify.CreateChallengeParams{}).SetFactorSid(factor)
	}
	t.Run("an answer approves with the right code, and only once", func(t *testing.T) {
		a := newAcme(t, nil)
		factor, secret := enrolled(t, a)
		c, err := a.api.CreateChallenge(a.sid, ann, ask(factor))
		if err != nil || *c.Status != "pending" || c.DateResponded != nil {
			t.Fatalf("%+v %v", c, err)
		}
		isSID(t, "YC", c.Sid)
		if life := c.ExpirationDate.Sub(*c.DateCreated); life != 5*time.Minute {
			t.Error(life)
		}
		answer := func(code string) (*verify.VerifyV2Challenge, error) {
			return a.api.UpdateChallenge(a.sid, ann, *c.Sid, (&verify.UpdateChallengeParams{}).SetAuthPayload(code))
		}
		if c, err := answer(wrong(totp(t, secret, 0))); err != nil || *c.Status != "pending" {
			t.Errorf("%+v %v", c, err)
		}
		done, err := answer(totp(t, secret, 0))
		if err != nil || *done.Status != "approved" {
			t.Fatalf("%+v %v", done, err)
		}
		isRecent(t, done.DateResponded)
		_, err = answer(totp(t, secret, 0))
		refused(t, err, 403, 60322)
	})
	t.Run("a code may come with the challenge", func(t *testing.T) {
		a := newAcme(t, nil)
		factor, secret := enrolled(t, a)
		for _, c := range []struct{ code, status string }{{wrong(totp(t, secret, 0)), "pending"}, {totp(t, secret, 0), "approved"}} {
			if got, err := a.api.CreateChallenge(a.sid, ann, ask(factor).SetAuthPayload(c.code)); err != nil || *got.Status != c.status {
				t.Errorf("%+v %v, want %s", got, err, c.status)
			}
		}
	})
	t.Run("a factor that is not verified is not asked", func(t *testing.T) {
		a := newAcme(t, nil)
		factor, _ := enrol(t, a)
		_, err := a.api.CreateChallenge(a.sid, ann, ask(factor))
		refused(t, err, 403, 60318)
	})
	t.Run("after five wrong codes a challenge takes none", func(t *testing.T) {
		a := newAcme(t, nil)
		factor, secret := enrolled(t, a)
		c, err := a.api.CreateChallenge(a.sid, ann, ask(factor))
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := a.api.UpdateChallenge(a.sid, ann, *c.Sid, (&verify.UpdateChallengeParams{}).SetAuthPayload(wrong(totp(t, secret, 0)))); err != nil {
				t.Fatal(err)
			}
		}
		_, err = a.api.UpdateChallenge(a.sid, ann, *c.Sid, (&verify.UpdateChallengeParams{}).SetAuthPayload(totp(t, secret, 0)))
		refused(t, err, 429, 60308)
	})
	t.Run("details come back, and so does the time of the end", func(t *testing.T) {
		a := newAcme(t, nil)
		factor, _ := enrolled(t, a)
		end := time.Now().UTC().Add(30 * time.Minute).Truncate(time.Second)
		p := ask(factor).SetExpirationDate(end).SetDetailsMessage("Log in?").SetHiddenDetails(map[string]any{"ip": "192.0.2.1"}).
			SetDetailsFields([]any{map[string]any{"label": "place", "value": "Kyoto"}, map[string]any{"label": "device", "value": "laptop"}})
		c, err := a.api.CreateChallenge(a.sid, ann, p)
		if err != nil {
			t.Fatal(err)
		}
		if !c.ExpirationDate.Equal(end) || len((*c.Details).(map[string]any)["fields"].([]any)) != 2 || (*c.HiddenDetails).(map[string]any)["ip"] != "192.0.2.1" {
			t.Errorf("%+v", c)
		}
	})
	t.Run("challenges are listed by status and in both orders", func(t *testing.T) {
		a := newAcme(t, nil)
		factor, secret := enrolled(t, a)
		var made []string
		for range 3 {
			c, err := a.api.CreateChallenge(a.sid, ann, ask(factor))
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, *c.Sid)
		}
		slices.Sort(made) // a SID begins with its time; what was made in one millisecond has no order
		if _, err := a.api.UpdateChallenge(a.sid, ann, made[0], (&verify.UpdateChallengeParams{}).SetAuthPayload(totp(t, secret, 0))); err != nil {
			t.Fatal(err)
		}
		list := func(p *verify.ListChallengeParams) (sids []string) {
			all, err := a.api.ListChallenge(a.sid, ann, p.SetFactorSid(factor).SetPageSize(1))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range all {
				sids = append(sids, *c.Sid)
			}
			return sids
		}
		if got := list(&verify.ListChallengeParams{}); !slices.Equal(got, made) {
			t.Errorf("%v, want %v", got, made)
		}
		if got := list((&verify.ListChallengeParams{}).SetStatus("approved")); !slices.Equal(got, made[:1]) {
			t.Errorf("approved: %v", got)
		}
		back := list((&verify.ListChallengeParams{}).SetOrder("desc"))
		if slices.Reverse(back); !slices.Equal(back, made) {
			t.Errorf("backwards: %v", back)
		}
	})
}
