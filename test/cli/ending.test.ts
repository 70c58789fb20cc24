// Tests how commands end: by Ctrl-C, by a closed or full output, by an unexpected error.
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UserError } from "guie/dist/common/errors";
import { claim } from "guie/dist/common/files/claim";
import { inWords } from "guie/dist/common/files/errno";
import { keepTrace } from "guie/dist/common/files/error_log";
import { readJson } from "guie/dist/common/files/files";
import { installPath } from "guie/dist/common/project";
import { runFolder } from "guie/dist/runs/run_folder";
import { z } from "zod";
import { temporaryFolder, writeFile } from "../folders";

const GUIE = installPath("lib/bin/guie.js");

/** Runs `guie runs` after `code`. @returns how it ended, and its logs */
function withFault(t: TestContext, code: string, environment: NodeJS.ProcessEnv = {}) {
  const folder = temporaryFolder(t);
  writeFile(join(folder, "fault.js"), code);
  const ended = spawnSync(process.execPath, ["--require", join(folder, "fault.js"), GUIE, "runs"], {
    encoding: "utf8",
    env: { ...process.env, TMPDIR: folder, ...environment },
  });
  const logs = readdirSync(folder).filter((name) => name.endsWith(".log"));
  return { ...(ended as SpawnSyncReturns<string>), logs: logs.map((name) => join(folder, name)) };
}

const FAULTS = {
  "a thrown error": `setImmediate(() => { throw new TypeError("odd\\nand long") })`,
  "an unhandled rejection": `setImmediate(() => Promise.reject(new TypeError("odd")))`,
};

for (const [what, code] of Object.entries(FAULTS)) {
  test(`${what} ends in one line that names the file with the trace`, (t) => {
    const { status, stderr, logs } = withFault(t, code);
    assert.equal(status, 1);
    const [line, rest] = [
      /^guie runs: unexpected error: TypeError: odd\. Its trace is in (\S+)\n$/.exec(stderr),
      stderr,
    ];
    assert.ok(line, rest);
    assert.deepEqual(logs, [line[1]]);
    assert.match(
      readFileSync(line[1]!, "utf8"),
      /^\d{4}-\S+ guie runs\nnode v[\s\S]*guie\.js runs\n\nTypeError: odd[\s\S]*\n +at /,
    );
  });
}

test("GUIE_DEBUG=1 shows the trace; a log that cannot be written is not named", (t) => {
  const debugged = withFault(t, FAULTS["an unhandled rejection"], { GUIE_DEBUG: "1" });
  assert.match(debugged.stderr, /TypeError: odd[\s\S]*\n +at /);
  const nowhere = withFault(t, FAULTS["an unhandled rejection"], { TMPDIR: "/nowhere" });
  assert.equal(nowhere.stderr, "guie runs: unexpected error: TypeError: odd. GUIE_DEBUG=1 shows its trace\n");
});

test("ten traces are kept, each of a limited size", (t) => {
  const { TMPDIR } = process.env;
  process.env.TMPDIR = temporaryFolder(t);
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });
  const paths = Array.from({ length: 13 }, () => {
    const path = keepTrace("a test", new Error("x".repeat(1e6)));
    for (const before = Date.now(); Date.now() === before; );
    return path!;
  });
  assert.deepEqual(
    paths.map((path) => existsSync(path)),
    [...Array(3).fill(false), ...Array(10).fill(true)],
  );
  assert.equal(readFileSync(paths.at(-1)!).length, 65_536);
});

test("the project's scripts end in the same way", (t) => {
  const folder = temporaryFolder(t);
  const guard = JSON.stringify(installPath("scripts/guard.mjs"));
  const script = (code: string) =>
    spawnSync(
      process.execPath,
      ["--input-type=module", "-e", `import { guardScript } from ${guard}; guardScript("demo"); ${code}`],
      { encoding: "utf8", env: { ...process.env, TMPDIR: folder } },
    );
  const thrown = script(`throw new TypeError("odd")`);
  assert.equal(thrown.status, 1);
  assert.match(thrown.stderr, /^\ndemo: unexpected error: TypeError: odd\. Its trace is in \S+\n$/);
  const stopped = script(
    `process.kill(process.pid, "SIGINT"); await new Promise((done) => setTimeout(done, 20_000))`,
  );
  assert.equal(stopped.status, 130);
  assert.equal(stopped.stderr, "\ndemo: interrupted; run it again to go on\n");
});

const sh = (line: string) => spawnSync("sh", ["-c", line], { encoding: "utf8" });

test("a result that cannot be written is an error, a reader that has read enough is not", () => {
  const full = sh(`"${process.execPath}" "${GUIE}" runs --json > /dev/full`);
  assert.equal(full.status, 1);
  assert.match(
    full.stderr,
    /^guie runs: The result \(standard output\) could not be written: the disk is full\.\n {2}Next: .*\n$/,
  );
  assert.deepEqual([sh(`"${process.execPath}" "${GUIE}" --help > /dev/full`).status], [1]);
  const closed = sh(`{ "${process.execPath}" "${GUIE}" runs; echo "rc $?" >&2; } | true`);
  assert.equal(closed.stderr, "rc 0\n");
  const unheard = sh(`"${process.execPath}" "${GUIE}" runs --json 2> /dev/full`);
  assert.equal(unheard.status, 0);
  assert.match(unheard.stdout, /^\{"runs":/);
});

/** Starts a command, presses Ctrl-C once it prints `cue`, and waits for its end. */
async function pressed(t: TestContext, cue: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [GUIE, ...args], { env: { ...process.env, ...env } });
  t.after(() => child.kill("SIGKILL"));
  const closed = once(child, "close");
  let [stdout, stderr, isPressed] = ["", "", false];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => {
    stderr += text;
    if (!isPressed && stderr.includes(cue)) isPressed = child.kill("SIGINT");
  });
  const [code] = await closed;
  return { code, stdout, stderr };
}

test("Ctrl-C while waiting for other hosts: 130, and one line", async (t) => {
  const cluster = { worker: ["127.0.0.1:45210", "127.0.0.1:45212"] };
  const run = `test-awaited-${process.pid}`;
  t.after(() => spawnSync("rm", ["-r", runFolder(run)]));
  const CUES = ["Waiting for the launchers", "looking for the chief's launcher"];
  for (const [index, cue] of CUES.entries()) {
    const TF_CONFIG = JSON.stringify({ cluster, task: { type: "worker", index } });
    const args = ["train", "--config-name", "tiny", "--run-name", run];
    const { code, stdout, stderr } = await pressed(t, cue, args, { TF_CONFIG });
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^.*\nSIGINT: finishing .*\n$/);
    assert.match(stdout, /^(stopped after 0 steps; run folder .*|rank 1: stopped)\n$/);
  }
});

test("Ctrl-C in a command with nothing to finish: 130, and one line; no partial file remains", async (t) => {
  const folder = temporaryFolder(t);
  const { code, stdout, stderr } = await pressed(t, "images (", ["get-data", "--data-dir", folder, "--demo"]);
  assert.equal(code, 130);
  assert.match(stderr, /guie get-data: Interrupted: what was finished is kept; run .* again to go on\.\n$/);
  assert.equal(stdout, "");
  assert.deepEqual(readdirSync(folder), []);
});

test("errors of the file system are told in words", (t) => {
  const folder = temporaryFolder(t);
  writeFile(join(folder, "file"), "");
  symlinkSync("circle", join(folder, "circle"));
  const long = "a".repeat(300);
  const guie = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [GUIE, ...args], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.doesNotMatch(stderr, /\n\s+at |unexpected/);
    return stderr;
  };
  const refused = (path: string, message: RegExp) =>
    assert.throws(() => readJson(join(folder, path), z.unknown()), { name: "UserError", message });
  refused(".", /Expected a JSON file at .*: it is a folder, not a file\./);
  refused("file/x", /: a part of the path is a file, not a folder\./);
  refused("circle", /: its symbolic links lead in a circle\./);
  refused(long, /: the name is too long/);
  refused("none", /: there is none\./);
  const run = guie("train", "--config-name", "tiny", "--data-dir", folder, "--run-name", long);
  assert.match(run, /aaa\.\.\.a+ could not be written: the name is too long/);
  assert.match(
    guie("get-data", "--data-dir", join(folder, "file"), "--demo"),
    /file\/demo\.json could not be written: a part of the path is a file/,
  );
});

test("a library's disk errors get the same words, and other errors are not changed", () => {
  const said = inWords(new Error("writing shard: /data/x.bin; No space left on device (RESOURCE_EXHAUSTED)"));
  assert.ok(said instanceof UserError);
  assert.match(said.message, /^\/data\/x\.bin could not be read or written: the disk is full\./);
  const other = new Error("odd");
  assert.equal(inWords(other), other);
});

test("an error that may pass ends with code 75, on which a job is started again; others with 1", (t) => {
  const run = `test-claimed-${process.pid}`;
  const held = claim(runFolder(run), "The run");
  t.after(held.release);
  const train = (...args: string[]) =>
    spawnSync(process.execPath, [GUIE, "train", "--config-name", "tiny", "--run-name", run, ...args], {
      encoding: "utf8",
    });
  const busy = train();
  assert.match(busy.stderr, /is under way \(process \d+/);
  assert.equal(busy.status, 75);
  assert.equal(train("--set", "s=many").status, 1);
});

test("started again in a cluster, a run that cannot begin ends on all hosts with the chief's reason", async (t) => {
  const run = `test-dismissed-${process.pid}`;
  t.after(() => spawnSync("rm", ["-rf", runFolder(run)]));
  const folder = temporaryFolder(t);
  const cluster = { worker: ["127.0.0.1:45220", "127.0.0.1:45222"] };
  const args = ["train", "--config-name", "tiny", "--run-name", run, "--data-dir", folder];
  writeFile(join(runFolder(run), "photo.jpg"), "somebody's");
  const ends = cluster.worker.map(async (_, index) => {
    const TF_CONFIG = JSON.stringify({ cluster, task: { type: "worker", index } });
    const child = spawn(process.execPath, [GUIE, ...args], {
      env: { ...process.env, TF_CONFIG },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (data) => {
      said += data;
    });
    const [code] = await once(child, "close");
    return { code, said };
  });
  const [chief, other] = await Promise.all(ends);
  assert.equal(chief!.code, 1);
  assert.equal(other!.code, 1);
  const [reason] = /\S+ holds .*/.exec(chief!.said) ?? [chief!.said];
  assert.ok(other!.said.includes(`The chief's launcher has refused: ${reason}`), other!.said);
});
