# ID holds the id of the verification{{if not .Key}}, KEY {{.Of}}{{end}}.
import json, os, urllib.request

request = urllib.request.Request(
    "{{.Base}}/v1/verifications/" + os.environ["ID"] + "/check",
    data=json.dumps({"code": "482913"}).encode(),
    headers={"Authorization": "Bearer {{if .Key}}{{.Key}}"{{else}}" + os.environ["KEY"]{{end}}, "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
print(answer["valid"], answer["status"])
