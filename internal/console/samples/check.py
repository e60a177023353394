import json, os, urllib.request

request = urllib.request.Request(
    "https://verify.example.net/v1/verifications/" + os.environ["ID"] + "/check",
    data=json.dumps({"code": "482913"}).encode(),
    headers={"Authorization": "Bearer " + os.environ["KEY"], "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
print(answer["valid"], answer["status"])
