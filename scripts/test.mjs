// Runs the compiled tests: all, or those of the named folders or files.
//   npm test                            everything
//   npm test -- tables kernel/reload    some: folders or files below test/, without .test.ts
// The set-up has compiled them before. Their root is a temporary folder (GUIE_ROOT), because data/ and checkpoints/ of
// the clone belong to a person. The last lines list the slowest files, skipped tests, and changes in these folders
// nevertheless.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";
import { changesSince, listFiles } from "./test/files.mjs";
import { skippedLine } from "./test/skips.mjs";
import { slowestLine } from "./test/slowest.mjs";

guardScript("test");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const compiled = join(root, "build/test");
const SUFFIX = ".test.js";

/**
 * Returns the names of compiled tests ("tables/merge"), sorted. Outputs of deleted sources are ignored but kept,
 * because a source that comes back unchanged (git stash) is not compiled again.
 */
function findTests() {
  const files = readdirSync(compiled, { recursive: true }).filter((file) => file.endsWith(SUFFIX));
  const names = files.map((file) => file.slice(0, -SUFFIX.length)).sort();
  return names.filter((name) => existsSync(join(root, "test", `${name}.test.ts`)));
}

const all = findTests();
const wanted = process.argv
  .slice(2)
  .map((name) => name.replace(/^test\//, "").replace(/\/$|\.test(\.ts)?$/, ""));
const fits = (test, name) => test === name || test.startsWith(`${name}/`);
const tests = all.filter((test) => wanted.length === 0 || wanted.some((name) => fits(test, name)));
const unknown = wanted.filter((name) => !all.some((test) => fits(test, name)));

if (unknown.length > 0) {
  const areas = [...new Set(all.map((name) => name.split("/")[0]))];
  console.error(`test: nothing is called ${unknown.join(" or ")}; there is: ${areas.join(", ")}`);
  process.exitCode = 1;
} else {
  run(tests.map((name) => join(compiled, name + SUFFIX)));
}

/** Runs the test files and prints, at the end, what was skipped and what was changed. */
function run(files) {
  // Ends a test that waits for ever, so that CI can name it.
  const TEN_MINUTES_MS = 600_000;
  const testRoot = mkdtempSync(join(tmpdir(), "guie-root-"));
  for (const name of ["data", "checkpoints"]) mkdirSync(join(testRoot, name));
  const [skips, times] = ["skips.jsonl", "times.jsonl"].map((name) => join(testRoot, name));
  const reporters = { skips, slowest: times };
  const options = [
    "--enable-source-maps",
    "--test",
    "--test-concurrency=2",
    `--test-timeout=${TEN_MINUTES_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    ...Object.entries(reporters).flatMap(([name, file]) => [
      `--test-reporter=${join(root, "scripts/test", `${name}.mjs`)}`,
      `--test-reporter-destination=${file}`,
    ]),
  ];
  const personal = ["data", "checkpoints"].map((name) => join(root, name));
  const before = listFiles(personal);
  const env = { ...process.env, GUIE_ROOT: testRoot };
  const child = spawn(process.execPath, [...options, ...files], { cwd: root, stdio: "inherit", env });
  process.on("exit", () => rmSync(testRoot, { recursive: true, force: true }));
  child.on("close", (code) => {
    process.exitCode = code ?? 1;
    const changes = changesSince(before, listFiles(personal));
    if (changes.length > 0) {
      console.error(`test: a test, or another process, has changed a person's files: ${changes.join(", ")}`);
      console.error("  Next: let the test write below its root (GUIE_ROOT).");
      process.exitCode = 1;
    }
    const textOf = (file) => (existsSync(file) ? readFileSync(file, "utf8") : "");
    console.log(slowestLine(textOf(times)));
    console.log(skippedLine(textOf(skips)));
  });
}
