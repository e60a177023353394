package policy

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// appScheme is what an app's own scheme looks like: lower case, and two words at least, with a dot or a hyphen between them, as
// com.acme.pay and acme-app. A scheme of one word may be anybody's (RFC 8252 §7.1), and nearly all that mean something to a browser or
// to a system are of one: javascript, data, file, http, blob, intent.
var appScheme = regexp.MustCompile(`^[a-z][a-z0-9]*([.-][a-z0-9]+)+$`)

// maxScheme is the longest scheme that is taken, in bytes.
const maxScheme = 64

// taken are the beginnings of schemes of two words that mean something to browsers and systems: pages of the browser, the source of
// a page, the installation of programs, their settings.
var taken = []string{
	"android-", "chrome-", "edge-", "itms-", "microsoft-", "moz-", "ms-", "opera-", "safari-", "search-", "view-", "web-", "x-apple-", "x-safari-",
}

// isAppScheme reports whether a firm may send customers to addresses of a scheme because they open its app (ID-33).
func isAppScheme(scheme string) bool {
	return len(scheme) <= maxScheme && appScheme.MatchString(scheme) &&
		!slices.ContainsFunc(taken, func(begin string) bool { return strings.HasPrefix(scheme, begin) })
}

// appRest is what may follow the scheme of an app: no more than an address needs, so that nothing is read in two ways.
var appRest = regexp.MustCompile(`^[A-Za-z0-9._~/-]*(\?[A-Za-z0-9._~/?&=%+:@,;-]*)?$`)

// redirect reads an entry of the allow list.
func redirect(s string) (*url.URL, bool) {
	u, ok := page(s)
	return u, ok && len(s) <= MaxURL && u.RawQuery == "" && !u.ForceQuery
}

// page reads the address of a page, or of a place in an app, that a customer may be sent to.
func page(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || strings.ContainsAny(s, `#\`) || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return nil, false
	}
	if u.Scheme == "https" {
		return u, u.Host != ""
	}
	rest, ok := strings.CutPrefix(s, u.Scheme+"://") // a scheme as it was written, so in lower case
	return u, ok && isAppScheme(u.Scheme) && appRest.MatchString(rest)
}

// IsRedirect reports whether s can be the address of a page or of a place in an app at all, whosever it is: what Checks.Redirects
// lets through is one, also with a signed result behind it, which makes it longer than MaxURL.
func IsRedirect(s string) bool {
	_, ok := page(s)
	return ok
}

// Redirects reports whether a customer may be sent to s: https, on a host of the allow list, and below the path of that entry; or of an
// app's scheme on the list, and below what the entry says beyond the scheme (RA b.3, ID-33).
func (c *Checks) Redirects(s string) bool {
	u, ok := page(s)
	if !ok || len(s) > MaxURL {
		return false
	}
	return slices.ContainsFunc(c.RedirectURLs, func(entry string) bool {
		e, ok := redirect(entry)
		switch {
		case !ok || e.Scheme != u.Scheme:
			return false
		case e.Scheme != "https" && e.Host == "" && e.Path == "":
			return true // the whole app
		case !strings.EqualFold(e.Host, u.Host):
			return false
		}
		base := strings.TrimSuffix(e.EscapedPath(), "/")
		return u.EscapedPath() == base || strings.HasPrefix(u.EscapedPath(), base+"/")
	})
}
