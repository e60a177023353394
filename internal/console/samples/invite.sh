{{if not .Key}}# KEY holds {{.Of}}.
{{end}}curl {{.Base}}/v1/invitations \
  -H "Authorization: Bearer {{if .Key}}{{.Key}}{{else}}$KEY{{end}}" \
  -H "Content-Type: application/json" \
  -d '{"first_name": "Ada", "last_name": "Lovelace", "mobile": "+447700900123"}'
