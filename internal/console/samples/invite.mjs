{{if not .Key}}// KEY holds {{.Of}}.
{{end}}const response = await fetch("{{.Base}}/v1/invitations", {
  method: "POST",
  headers: { Authorization: {{if .Key}}"Bearer {{.Key}}"{{else}}`Bearer ${process.env.KEY}`{{end}}, "Content-Type": "application/json" },
  body: JSON.stringify({ first_name: "Ada", last_name: "Lovelace", mobile: "+447700900123" }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.id, answer.status);
