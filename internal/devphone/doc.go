// Package devphone shows what development mode would have sent: /dev/inbox as JSON for tests and scripts, /dev/phone
// as a phone would show it, live.
//
// It is an edge over an inbox in memory. Messages are grouped in threads, one per recipient; the page is rendered on
// the server and works without script, and the same template renders what the event stream adds, so there is one
// look of a message. The stream begins with all threads and then gives each thread that a message changes. A thread has
// its last messages in sight and a few more folded away; who wants all of them reads the JSON.
//
// Beside it stands a receiver of webhooks, for who has no server yet: /dev/webhook takes each and forgets it.
//
// It shows codes in clear, so it exists only in development mode, which listens on loopback. It answers only requests
// for a loopback name, so that a web site can't read codes by giving its own name our address (DNS rebinding).
//
// It knows no provider and keeps nothing.
package devphone
