// Package hosted is the pages that a firm's customer sees between the link and the firm: plain HTML that works without
// script, in the customer's language, under the firm's name.
//
// # Routes
//
//	GET  /v/{token}                     opens the link: cookie with Path=/v/i/{invitation}, 303 to the hub. Sends nothing (RA-24).
//	GET  /v/i/{invitation}              the hub: 303 to the step that is due
//	GET  /v/i/{invitation}/mobile       Intro, NumberEntry, CodeEntry or Locked, as the gate stands
//	GET  /v/i/{invitation}/mobile/state a word for the script: whether a provider took the code
//	POST /v/i/{invitation}/mobile       takes the number that the customer enters, and sends
//	POST /v/i/{invitation}/mobile/send  sends the code, or a new one, by the channel that the form names
//	POST /v/i/{invitation}/mobile/check checks the code; to the hub when it is right
//	     /v/i/{invitation}/email ...    the same for e-mail, with EmailEntry
//	GET  /v/i/{invitation}/consent      Consent
//	POST /v/i/{invitation}/consent      accepts or declines; 303 to the hub
//	GET  /v/i/{invitation}/stop         Stop, of an invitation that its customer may give up
//	POST /v/i/{invitation}/stop         gives up; 303 to the hub, whose ending leads to the firm where it wants that (ID-32)
//	GET  /v/i/{invitation}/done         Leave when the firm goes on elsewhere, else Done
//	GET  /v/i/{invitation}/logo/{name}  the firm's logo, for who has a session
//	GET  /v/assets/..., /v/brand/...    style, script, icon; colours of a firm. Served by Assets, for good
//
// Steps go back to the hub and never to each other. A GET changes nothing but the language: with ?lang= in its query, which
// is what the language switch asks for. Two of them note how far the customer has come: that consent is asked for, and that
// the firm goes on. HEAD does neither: it is answered 200, and nothing is looked at.
//
// # Sessions and forms
//
// The link's token is in one request and in no page. What it gives is a cookie whose path is that of the invitation, and a second
// one of the link's own path, so that the link opened again goes on in the session of before (RA-44).
//
// A form is taken from our own origin alone, and with its token: a keyed hash over session, path and what the form was drawn
// for (forms.go). Each asks one method of invite.Service and is answered with 303 to the hub or its page, whatever came of it, so that
// reload and Back send nothing again (RA-44). What was wrong waits for that page in a sealed cookie, for five minutes at most and for
// one look (notes.go). The page tells it by status 200: a wrong code is an answer, and browsers would call anything else an error in
// the console. Faults have the statuses of package web, and pages of their own.
//
// # Pages
//
// Each page is a struct of views.go and a file of templates with its name in lower case: Intro, NumberEntry, EmailEntry,
// CodeEntry, Locked, Consent, Stop, Leave, Done, Declined, Expired, Canceled, Failed, Wait, NotFound, Broken, Stale. Render draws one.
// A page is a function of its struct alone: it asks no clock, no store and no request, so the gallery draws every state
// of it. Views hold what is shown, already masked, already decided. Preview draws some for the firm, of a made-up invitation: nothing can be
// done with these but looking.
//
// # Words
//
// Texts are in messages, one file a language, read by web.Words. English has a note for translators on each; a text that counts has the
// plural forms of its language (CLDR). A firm may put texts of its own in place of those that are marked for it, by a
// word to the firm on where each stands. What a
// text speaks of is put in by name, {firm} everywhere; values are escaped and stand apart from the text's direction.
// A new language is a file and its name in Locales; the tests then say what it lacks, and
// `go test ./internal/hosted -run TestCountries -update` writes the names of countries in it.
//
// # What holds for every page
//
// One thing to do, one primary button, a way out with the firm's name. Nothing inline, so that web.PagePolicy holds; no
// library, no font, no request to another host; less than 60 KB with all its assets. Script adds comfort: it sends a full
// code once by itself, takes codes from the phone's messages, counts down, searches countries. Codes and numbers are sent
// as they were typed; the server takes digits of any script for what they mean, and reading the rest is the domain's.
//
// It decides nothing: which page is due, what is wrong, how many tries are left come from the domain.
package hosted
