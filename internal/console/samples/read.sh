{{if not .Key}}# KEY holds {{.Of}}.
{{end}}curl {{.Base}}{{.Path}} \
  -H "Authorization: Bearer {{if .Key}}{{.Key}}{{else}}$KEY{{end}}"
