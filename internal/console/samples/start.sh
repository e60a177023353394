{{if not .Key}}# KEY holds {{.Of}}.
{{end}}curl {{.Base}}/v1/verifications \
  -H "Authorization: Bearer {{if .Key}}{{.Key}}{{else}}$KEY{{end}}" \
  -H "Content-Type: application/json" \
  -d '{"to": "+447700900123"{{if .Service}}, "service": "{{.Service}}"{{end}}}'
