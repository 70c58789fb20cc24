// A reporter for node --test: a JSON line with name and reason for every skipped test.

/** Yields the skipped tests among a run's events. */
export default async function* skips(events) {
  for await (const { type, data } of events) {
    const { name, skip } = data;
    if (type === "test:pass" && skip !== undefined && skip !== false)
      yield `${JSON.stringify({ name, reason: skip === true ? "" : skip })}\n`;
  }
}

/** Returns the last line of a test run from the reporter's output: "2 skipped: NAME (REASON); ...". */
export function skippedLine(lines) {
  const skipped = lines
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const names = skipped.map(({ name, reason }) => name + (reason ? ` (${reason})` : ""));
  return skipped.length > 0 ? `${skipped.length} skipped: ${names.join("; ")}` : "0 skipped";
}
