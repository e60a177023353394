const response = await fetch(`https://verify.example.net/v1/verifications/${process.env.ID}/check`, {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.KEY}`, "Content-Type": "application/json" },
  body: JSON.stringify({ code: "482913" }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.valid, answer.status);
