// Package app reads the configuration, builds every service once, and runs and stops them. It is the only package that
// knows all the others, and nothing but commands knows it.
//
// A server is built in one order: listeners, keys, database, directory, providers, verification, worker, sealer, edges;
// whatever is wrong is told before anything is served. It runs as stages, each of which needs only those before it, and
// stops in the opposite order: no new request, then no new work, then the last commit, then the database is closed.
//
//	config*.go  what an installation decides, with every fault at its line      doctor*.go  what is wrong or risky
//	serve.go    the server and its stages                                       tools.go    what commands work with
//	storage.go  keys and database    carriers.go  providers    http.go  edges    dev.go  development mode
//
// It decides nothing about verifications.
package app
