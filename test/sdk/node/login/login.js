// A login by sms, as an application on Twilio's library has it. VERIFY_BASE_URL is the one line that this server asks for;
// without it the library goes to Twilio.
import { createInterface } from "node:readline/promises";
import twilio from "twilio";

const { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_VERIFY_SERVICE_SID, VERIFY_BASE_URL } = process.env;
const client = twilio(TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN);
if (VERIFY_BASE_URL) client.verify.baseUrl = VERIFY_BASE_URL;
const service = client.verify.v2.services(TWILIO_VERIFY_SERVICE_SID);

// problem is what a person is told, by Twilio's numbers of errors.
function problem(err) {
  switch (err.code) {
    case 60200: return "That is not a phone number that can get a code.";
    case 60203: return "Too many codes were sent. Wait ten minutes.";
    case 60202: return "Too many wrong codes. Wait ten minutes.";
    case 20404: return "The code is too old. Ask for another one.";
    case 20429: return "Too many tries. Wait a while.";
  }
  throw err;
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const ask = async (question) => {
  console.log(question);
  const { value, done } = await lines.next();
  if (done) process.exit(1);
  return value.trim();
};

try {
  const to = await ask("Your phone number?");
  await service.verifications.create({ to, channel: "sms" });
  for (;;) {
    const code = await ask("The code that you were sent?");
    const check = await service.verificationChecks.create({ to, code });
    if (check.status === "approved") break;
    console.log("That was not it.");
  }
  console.log("Welcome.");
  process.exit(0);
} catch (err) {
  console.log(problem(err));
  process.exit(1);
}
