// Package twilio is the door for applications written against Twilio's Verify API, version 2: services, verifications,
// checks, rate limits, attempts, webhooks, authenticator apps (entities, factors, challenges), templates and the safe list, in
// Twilio's wire format, on the same services as the native API.
//
// A request passes the chain of package web, then its credentials are checked, then its route and the scope of its key, then a
// handler reads the form, calls the service that decides, and writes the answer as Twilio does. Every route stands in one
// table (routes.go).
//
// Words. A SID is an identifier as Twilio writes it: two capitals and 32 hex digits. They are the bits of our own
// identifiers: AC a tenant, SK a key, VA a service, VE a verification, VL one send of a verification, YE an entity, YF a factor,
// YC a challenge, RK a rate limit, BL a bucket of one, YW a webhook, GN a number of the safe list, HJ a text of the server
// (sid.go). A parameter is a value of a form.
//
// Invariants:
//   - The tenant of every call is the one that the credentials prove, and an account SID that is not that tenant's fails.
//   - Who has no credentials is told 20003 and nothing else, whatever the path.
//   - What is unknown, another tenant's, of another service, or ended is told 20404, and looks the same.
//   - Every error is Twilio's JSON object, whose status is that of the answer. No answer is a redirect.
//   - No answer holds a code. No error holds a number or an address. A secret is in the answer that made it, and in no other.
//
// The package decides nothing about verifications and factors, and keeps nothing but how often things were read, in memory
// (polls.go). Settings of a service that the core does
// not know are kept in its profile (tenant.Service.Vendor) under names that begin with "twilio.".
package twilio
