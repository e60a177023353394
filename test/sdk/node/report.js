// A reporter for node's test runner: each test as one line of JSON, for node_test.go.
import { basename } from "node:path";

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const error = data.details.error?.cause ?? data.details.error;
    yield JSON.stringify({
      file: basename(data.file ?? ""), name: data.name, passed: type === "test:pass", skipped: data.skip !== undefined || data.todo !== undefined,
      error: error && String(error.stack ?? error),
    }) + "\n";
  }
}
