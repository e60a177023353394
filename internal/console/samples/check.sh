# ID holds the id of the verification{{if not .Key}}, KEY {{.Of}}{{end}}.
curl {{.Base}}/v1/verifications/$ID/check \
  -H "Authorization: Bearer {{if .Key}}{{.Key}}{{else}}$KEY{{end}}" \
  -H "Content-Type: application/json" \
  -d '{"code": "482913"}'
