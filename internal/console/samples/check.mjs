// ID holds the id of the verification{{if not .Key}}, KEY {{.Of}}{{end}}.
const response = await fetch(`{{.Base}}/v1/verifications/${process.env.ID}/check`, {
  method: "POST",
  headers: { Authorization: {{if .Key}}"Bearer {{.Key}}"{{else}}`Bearer ${process.env.KEY}`{{end}}, "Content-Type": "application/json" },
  body: JSON.stringify({ code: "482913" }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.valid, answer.status);
