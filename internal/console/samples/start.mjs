const response = await fetch("https://verify.example.net/v1/verifications", {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.KEY}`, "Content-Type": "application/json" },
  body: JSON.stringify({ to: "+447700900123" }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.id, answer.status);
