// Runs the compiled tests: all of them, or those below the named areas or files.
//   npm test                            everything
//   npm test -- tables kernel/reload    a part: folders or files below test/, without .test.ts
// The set-up that comes before has compiled them. Their root is a temporary folder (GUIE_ROOT): data/ and checkpoints/
// of the clone are a person's. The last lines name what was skipped, and what was written there all the same.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";
import { changesSince, listFiles } from "./test/files.mjs";
import { skippedLine } from "./test/skips.mjs";

guardScript("test");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const compiled = join(root, "build/test");
const SUFFIX = ".test.js";

/**
 * Compiled tests by name ("tables/merge"), sorted. The compiler leaves those of deleted sources behind: they are not
 * run. They stay, because a source that comes back as it was (git stash) is not compiled again.
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

/** Runs the test files and says, at the end, what was skipped and what was changed. */
function run(files) {
  // A test that waits for ever would keep CI from saying which one it is
  const TEN_MINUTES_MS = 600_000;
  const testRoot = mkdtempSync(join(tmpdir(), "guie-root-"));
  for (const name of ["data", "checkpoints"]) mkdirSync(join(testRoot, name));
  const skips = join(testRoot, "skips.jsonl");
  const options = [
    "--enable-source-maps",
    "--test",
    "--test-concurrency=2",
    `--test-timeout=${TEN_MINUTES_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    `--test-reporter=${join(root, "scripts/test/skips.mjs")}`,
    `--test-reporter-destination=${skips}`,
  ];
  const own = ["data", "checkpoints"].map((name) => join(root, name));
  const before = listFiles(own);
  const env = { ...process.env, GUIE_ROOT: testRoot };
  const child = spawn(process.execPath, [...options, ...files], { cwd: root, stdio: "inherit", env });
  process.on("exit", () => rmSync(testRoot, { recursive: true, force: true }));
  child.on("close", (code) => {
    process.exitCode = code ?? 1;
    const changes = changesSince(before, listFiles(own));
    if (changes.length > 0) {
      console.error(`test: a test, or another process, has changed a person's files: ${changes.join(", ")}`);
      console.error("  Next: let the test write below the root that it is given (GUIE_ROOT).");
      process.exitCode = 1;
    }
    console.log(skippedLine(existsSync(skips) ? readFileSync(skips, "utf8") : ""));
  });
}
