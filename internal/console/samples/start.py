import json, os, urllib.request

request = urllib.request.Request(
    "https://verify.example.net/v1/verifications",
    data=json.dumps({"to": "+447700900123"}).encode(),
    headers={"Authorization": "Bearer " + os.environ["KEY"], "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
print(answer["id"], answer["status"])
