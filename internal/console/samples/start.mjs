{{if not .Key}}// KEY holds {{.Of}}.
{{end}}const response = await fetch("{{.Base}}/v1/verifications", {
  method: "POST",
  headers: { Authorization: {{if .Key}}"Bearer {{.Key}}"{{else}}`Bearer ${process.env.KEY}`{{end}}, "Content-Type": "application/json" },
  body: JSON.stringify({ to: "+447700900123"{{if .Service}}, service: "{{.Service}}"{{end}} }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.id, answer.status);
