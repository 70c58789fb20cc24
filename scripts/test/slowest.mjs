// A reporter for node --test: a JSON line with file and milliseconds for every test that stands alone or holds others.

/** Yields the times among a run's events. */
export default async function* times(events) {
  for await (const { type, data } of events) {
    if ((type === "test:pass" || type === "test:fail") && data.nesting === 0 && data.file)
      yield `${JSON.stringify({ file: data.file, ms: data.details.duration_ms })}\n`;
  }
}

const SHOWN = 12;

/**
 * Returns the slowest test files from the reporter's output: "slowest files: training/run 60 s, ...; all 900 s". The
 * times are those of the tests alone: a process's start is not in them.
 */
export function slowestLine(lines) {
  const msOf = new Map();
  for (const line of lines.split("\n").filter(Boolean)) {
    const { file, ms } = JSON.parse(line);
    msOf.set(file, (msOf.get(file) ?? 0) + ms);
  }
  const seconds = (ms) => `${(ms / 1000).toFixed(0)} s`;
  const named = [...msOf]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([file, ms]) => `${file.replace(/^.*\/test\//, "").replace(/\.test\.[jt]s$/, "")} ${seconds(ms)}`);
  const all = [...msOf.values()].reduce((total, ms) => total + ms, 0);
  return `slowest files: ${named.join(", ")}; all ${seconds(all)}`;
}
