// Which of two servers a recipient's codes come from, while an application moves from one to the other.
import { createHash } from "node:crypto";

// moved says whether a recipient is among the share, in percent, that has moved. A recipient's answer changes once at most
// while the share grows. It must be the same for every call about one verification: keep it with the login.
export function moved(recipient, percent) {
  return createHash("sha256").update(recipient).digest().readUInt32BE(0) % 100 < percent;
}
