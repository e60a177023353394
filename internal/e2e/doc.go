// Package e2e holds tests of whole servers and nothing else.
//
// The test binary runs itself again as a server, with the configuration of a file, so that a test can end a real
// process by SIGKILL at any moment and start it anew on the same database. What is outside of the product stands in the
// test: the relay that the messages arrive at, the callers of the API, and, for PostgreSQL, the wire between server and
// database, where a statement can be held up or a server killed in the middle of it.
//
// Words. An installation is a database, a master key, a tenant and its API key; its servers come and go. A tally is what
// was counted over all kills of a run.
//
// The files: main_test.go is the server that the binary becomes; installation_test.go, server_test.go, relay_test.go,
// caller_test.go, wire_test.go the bench; the others are the claims: crash_test.go that nothing accepted is lost,
// linear_test.go that answers agree with one order of events, peers_test.go and secrecy_test.go the faults that other
// systems of the kind have, limits_test.go and faults_test.go what must hold when things go wrong.
//
// E2E_KILLS sets how often each crash test kills; by default as often as fits into a minute.
package e2e
