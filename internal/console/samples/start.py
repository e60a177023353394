{{if not .Key}}# KEY holds {{.Of}}.
{{end}}import json{{if not .Key}}, os{{end}}, urllib.request

request = urllib.request.Request(
    "{{.Base}}/v1/verifications",
    data=json.dumps({"to": "+447700900123"{{if .Service}}, "service": "{{.Service}}"{{end}}}).encode(),
    headers={"Authorization": "Bearer {{if .Key}}{{.Key}}"{{else}}" + os.environ["KEY"]{{end}}, "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
print(answer["id"], answer["status"])
