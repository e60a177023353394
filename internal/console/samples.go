package console

import "strings"

// CurlStart is a first request to the API at a base URL, with the key in the environment.
func (s *scene) CurlStart(base string) string {
	return `curl ` + strings.TrimSuffix(base, "/") + `/v1/verifications \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{"to": "+447700900123"}'`
}

// CurlCheck is the request that hands in a code.
func (s *scene) CurlCheck(base string) string {
	return `curl ` + strings.TrimSuffix(base, "/") + `/v1/verifications/$ID/check \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{"code": "482913"}'`
}
