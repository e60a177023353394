// Package camara speaks CAMARA's one-time-password-sms 1.1 (GSMA Open Gateway) on the services of this server.
//
// It decides nothing: it decodes, calls the services that the native API calls, and encodes. The routes stand in
// routes of camara.go:
//
//	POST /compat/camara/one-time-password-sms/v1/send-code       a start by SMS that ends an open verification
//	POST /compat/camara/one-time-password-sms/v1/validate-code   a check by id
//	POST /compat/camara/oauth2/token                             an access token for an API key (RFC 6749 §4.4)
//
// Words. An authenticationId is the id of a verification in the spelling of RFC 9562. A correlator is the caller's own
// word for a request, x-correlator. An ErrorInfo is CAMARA's form of an error. A grant is what an access token stands
// for: an API key, and until when.
//
// Invariants.
//   - Every answer carries a correlator: the caller's when it gave one that is well formed, else the request's id.
//   - Every error is an ErrorInfo, also those of the chain; below the path of tokens it has the form of RFC 6749 §5.2.
//   - A body has the documented properties, each once and each a text, and nothing else.
//   - 401 has one code and one text, whatever was wrong with the token. No text tells which signal of fraud was seen.
//   - An access token is worth no more than the API key in it at this moment: each use asks for the key again.
//   - What can't be right costs no check: a code that is absent, too long or of another shape.
package camara
