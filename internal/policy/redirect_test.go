package policy

import (
	"strings"
	"testing"
)

func TestID_33_the_list_holds_https_and_the_schemes_of_apps(t *testing.T) {
	t.Parallel()
	for entry, ok := range map[string]bool{
		"https://a.example":               true,
		"acme-app://":                     true,
		"acme-app://verify/done":          true,
		"com.acme.pay://":                 true,
		"com.acme.pay:///done":            true,
		"acme-app2.example://":            true,
		strings.Repeat("a", 62) + "-b://": true,

		// What means something to a browser or a system.
		"javascript:alert(1)":                       false,
		"javascript://a.example/%0aalert(1)":        false,
		"JavaScript://":                             false,
		" javascript://":                            false,
		"java\tscript://":                           false,
		"java\nscript://":                           false,
		"vbscript://":                               false,
		"data:text/html,<script>alert(1)</script>":  false,
		"data://text/html":                          false,
		"file:///etc/passwd":                        false,
		"http://":                                   false,
		"http://a.example":                          false,
		"ftp://a.example":                           false,
		"ws://a.example":                            false,
		"blob://a.example":                          false,
		"about://blank":                             false,
		"mailto://a":                                false,
		"tel://1":                                   false,
		"sms://1":                                   false,
		"intent://scan/#Intent;scheme=zxing;end":    false,
		"view-source://":                            false,
		"chrome-extension://abc/":                   false,
		"moz-extension://abc/":                      false,
		"ms-msdt://id":                              false,
		"ms-settings://":                            false,
		"search-ms://query":                         false,
		"itms-services://?action=download-manifest": false,
		"itms-apps://itunes.example":                false,
		"android-app://com.acme":                    false,
		"x-apple-helpbasic://":                      false,
		"web-share://":                              false,
		"microsoft-edge://":                         false,

		// What is no scheme of an app, or more than an entry may say.
		"acmeapp://":                      false, // one word: it may be anybody's
		"Acme-App://":                     false,
		"acme-app:":                       false,
		"acme-app:/":                      false,
		"acme-app:done":                   false,
		"acme-app":                        false,
		"-acme://":                        false,
		"acme-://":                        false,
		"acme--app://":                    false,
		"acme..app://":                    false,
		"1acme-app://":                    false,
		"acme+app://":                     false,
		"acme_app://":                     false,
		"ácme-app://":                     false,
		"acme-app://u@host":               false,
		"acme-app://u:p@host":             false,
		"acme-app://host:80":              false,
		"acme-app://host?x=1":             false,
		"acme-app://host?":                false,
		"acme-app://host#f":               false,
		"acme-app://host#":                false,
		`acme-app://host\x`:               false,
		"acme-app://a/../b":               false,
		"acme-app://a b":                  false,
		"acme-app://a\x00":                false,
		"acme-app://a\"onclick":           false,
		"acme-app://%2e%2e":               false,
		"acme-app://<b>":                  false,
		"://":                             false,
		"":                                false,
		strings.Repeat("a", 63) + "-b://": false,
		"acme-app://" + strings.Repeat("x", MaxURL): false,
	} {
		checks := DefaultChecks()
		checks.RedirectURLs = []string{entry}
		if got := checks.Validate() == nil; got != ok {
			t.Errorf("%.70q on the list: %v, want %v", entry, got, ok)
		}
	}
}

func TestID_33_a_redirect_to_an_app_stays_in_what_the_list_names(t *testing.T) {
	t.Parallel()
	c := Checks{RedirectURLs: []string{"acme-app://", "com.acme.pay://verify/done", "https://a.example"}}
	for u, ok := range map[string]bool{
		"acme-app://":                             true,
		"acme-app://any/place?a=1&b=%20":          true,
		"acme-app:///place":                       true,
		"com.acme.pay://verify/done":              true,
		"com.acme.pay://verify/done/x?y":          true,
		"com.acme.pay://verify/donex":             false,
		"com.acme.pay://verify":                   false,
		"com.acme.pay://evil/done":                false,
		"com.acme.pay://":                         false,
		"com.acme.pay:verify/done":                false,
		"acme-app:x":                              false,
		"acme-app.evil://":                        false,
		"other-app://":                            false,
		"ACME-APP://":                             false,
		"acme-app://u@x":                          false,
		"acme-app://x#f":                          false,
		`acme-app://x?"><script>`:                 false,
		"acme-app://x?y=javascript:alert(1)'":     false,
		"acme-app://a/../b":                       false,
		"acme-app://a.example:443/":               false,
		"javascript://a.example/%0aalert(1)":      false,
		"http://a.example":                        false,
		"a.example":                               false,
		"acme-app://" + strings.Repeat("x", 2048): false,
	} {
		if got := c.Redirects(u); got != ok {
			t.Errorf("%.60q: %v, want %v", u, got, ok)
		}
		if ok && !IsRedirect(u) {
			t.Errorf("%.60q is no redirect at all", u)
		}
	}
}
