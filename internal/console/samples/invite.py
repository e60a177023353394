{{if not .Key}}# KEY holds {{.Of}}.
{{end}}import json{{if not .Key}}, os{{end}}, urllib.request

request = urllib.request.Request(
    "{{.Base}}/v1/invitations",
    data=json.dumps({"first_name": "Ada", "last_name": "Lovelace", "mobile": "+447700900123"}).encode(),
    headers={"Authorization": "Bearer {{if .Key}}{{.Key}}"{{else}}" + os.environ["KEY"]{{end}}, "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
print(answer["id"], answer["status"])
