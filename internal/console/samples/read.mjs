{{if not .Key}}// KEY holds {{.Of}}.
{{end}}const response = await fetch("{{.Base}}{{.Path}}", {
  headers: { Authorization: {{if .Key}}"Bearer {{.Key}}"{{else}}`Bearer ${process.env.KEY}`{{end}} },
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer);
