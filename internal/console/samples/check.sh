curl https://verify.example.net/v1/verifications/$ID/check \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{"code": "482913"}'
