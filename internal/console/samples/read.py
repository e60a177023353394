{{if not .Key}}# KEY holds {{.Of}}.
{{end}}import json{{if not .Key}}, os{{end}}, urllib.request

request = urllib.request.Request(
    "{{.Base}}{{.Path}}",
    headers={"Authorization": "Bearer {{if .Key}}{{.Key}}"{{else}}" + os.environ["KEY"]{{end}}},
)
with urllib.request.urlopen(request) as response:
    print(json.load(response))
