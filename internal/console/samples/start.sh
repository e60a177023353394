curl https://verify.example.net/v1/verifications \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{"to": "+447700900123"}'
