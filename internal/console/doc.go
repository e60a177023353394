// Package console is the operators' pages over the services: plain HTML from the server that works without script, dense and
// calm.
//
// # Pages
//
// Each page is a struct of a views_*.go file and a template of the file in templates with the same name; frame.go has what
// every page has around it. Render draws one. A page is a function of its struct alone: it asks no clock, no store and no
// request, so the gallery of the tests draws every state of it, and `make pages` takes pictures of them. Views hold what is
// shown, already masked, already decided; of other packages they know words alone (policy.Mode, invite.Status).
//
// # Parts
//
// parts.tmpl has each part once, parts.go what makes it, parts.css its look; testdata/kit.tmpl shows all of them. A template
// begins with {{template "top" (.Titled "key")}} and ends with {{template "bottom" .}}; pages for those who are not signed in
// stand between "door" and "enddoor".
//
//	{{template "field" (.Field "name" "label_key" .V.Name "hint" "hint_key")}}   a field: label, hint, input, its problem
//	{{template "check" (.Check "name" "label_key" .V.On "locked" .V.Why)}}       a box to tick, locked with its reason
//	{{template "cards" (.Cards ...)}}   {{template "badge" (.Badge "status" .Status)}}   {{template "timeline" .}}
//	{{template "copy" (.Copy .ID)}}   {{template "secret" (.Secret "key" .V.Secret)}}   {{template "sample" (.Sample "curl" .V.Curl)}}
//	{{template "crumb" (.Crumb .V.BackURL "key")}}   {{template "ticks" (.Ticks "scopes" "scope" .V.Scopes)}}
//	{{template "tabs" (.Tabs ...)}}   {{template "pager" (.Paged .V.Pager)}}   {{template "problems" .}}   {{template "live" .}}
//	{{.Time .At}} how long ago, exactly on hover and focus   {{.Moment .At}} exactly   {{.Own "+44 ..."}} left to right
//
// Nothing asks in a box over the page: what needs a second thought is a page of its own (Confirm), as is what somebody else
// changed meanwhile (Stale), and what can't be shown (Trouble). A list is a table whose first cell has a link of class row; the
// part of a page that live updates replace has an id and data-fresh. Customers' pages and messages, which settings show, stand
// in a frame: what answers there (framed) has a policy of its own, and no other page may be in one.
//
// # Words
//
// Texts are in messages, one file a language, read by web.Words; {name} puts a value in, and a text that counts has forms for
// {n}. There is English alone so far: another language is a file with the same keys and its name in Locales, and nothing here
// depends on the direction of the text. A key whose text is a bare string needs no note for translators.
//
// # Scripts and style
//
// The tokens of the design are those of the hosted pages (web.Design). Nothing is inline, so that web.PagePolicy holds. console.js
// copies, tells times, knows keys (/ to search, n for a new verification, arrows in lists) and keeps a page live. Files of others
// are in vendored: htmx where a list follows its filters ({{.With "htmx"}}), uPlot on the page with the chart ({{.With "chart"}});
// the first load of a page is less than 120 KB.
//
// It decides nothing: what an operator may see and do, what is preset and locked, what a form's problem is, come from the domain.
package console
