// Output of cells: order, amount, errors, child processes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { contents, runCells } from "./drive";

const LINES = `for (let i = 0; i < 5000; i++) console.log("line", i);`;
const UPDATES = `import * as tslab from "tslab";
const display = tslab.newDisplay();
for (let i = 0; i < 2000; i++) display.text("state " + i);`;

test("5,000 lines and 2,000 display updates from one synchronous stretch arrive in order", () => {
  const [both] = runCells(installPath("scripts"), [`${UPDATES}\n${LINES}`]);
  assert.equal(both!.status, "ok");
  assert.equal(both!.text, Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join(""));
  const states = [...contents(both!, "display_data"), ...contents(both!, "update_display_data")];
  assert.deepEqual(
    states.map((content) => (content.data as Record<string, string>)["text/plain"]),
    Array.from({ length: 2000 }, (_, i) => `state ${i}`),
  );
  assert.ok(contents(both!, "stream").length < 100, "lines must travel joined");
});

test("printed lines and displays keep their order", () => {
  const [cell] = runCells(installPath("scripts"), [
    `import * as tslab from "tslab";\nconsole.log("a"); tslab.display.text("b"); console.log("c"); console.error("d"); console.log("e");`,
  ]);
  const order = cell!.messages
    .filter(({ type }) => type === "stream" || type === "display_data")
    .map(({ type, content }) => (type === "stream" ? [content.name, content.text] : content.data));
  assert.deepEqual(order, [
    ["stdout", "a\n"],
    { "text/plain": "b" },
    ["stdout", "c\n"],
    ["stderr", "d\n"],
    ["stdout", "e\n"],
  ]);
});

test("a failing cell publishes one error: a UserError as its message, others with the cell's frames only", () => {
  const [typeError, userError, thrown, afterwards] = runCells(installPath("scripts"), [
    `const wrong: string = 1;`,
    `import { UserError } from "guie";\nthrow new UserError("no such thing", "do that");`,
    `function fails() { throw new RangeError("too far"); }\nawait null;\nfails();`,
    `console.log("alive");`,
  ]);
  assert.equal(typeError!.error, "1:7 - Type 'number' is not assignable to type 'string'.");
  assert.equal(userError!.error, "no such thing\n  Next: do that");
  assert.deepEqual(contents(userError!, "error")[0]!.ename, "UserError");
  assert.match(
    thrown!.error,
    /^RangeError: too far\n {4}at fails \(cell\.js:\d+:\d+\)\n {4}at cell\.js:\d+:\d+$/,
  );
  assert.equal(afterwards!.text, "alive\n");
});

test("an error stays with its cell when cells are queued", () => {
  const [failing] = runCells(installPath("scripts"), [
    { sentAfter: "1 + 1;", code: `throw new RangeError("mine");` },
  ]);
  assert.match(failing!.error, /RangeError: mine/);
});

const CHILDREN = `import { execSync, execFileSync, spawn, spawnSync } from "child_process";
const child = spawn("sh", ["-c", "echo a; echo b >&2"], { stdio: "inherit" });
const code = await new Promise((done) => child.on("close", done));
const { stdout } = spawnSync("sh", ["-c", "echo c; echo d >&2"], { stdio: ["ignore", "inherit", "pipe"] });
const kept = execFileSync("echo", ["kept"], { stdio: ["ignore", "pipe", "inherit"] });
try { execSync("echo e; echo f >&2; exit 3", { stdio: [0, 2, 1] }); } catch (error) { console.log("ended with", error.status); }
spawnSync("echo", ["g"], { stdio: "inherit", cwd: "/" });
console.log(code, child.stdout, stdout, String(kept).trim());`;

test("the output of a child process with stdio: inherit belongs to the cell", () => {
  const [cell] = runCells(installPath("scripts"), [CHILDREN]);
  assert.equal(cell!.error, "");
  const printed = (name: string) =>
    contents(cell!, "stream")
      .filter((content) => content.name === name)
      .map(({ text }) => text)
      .join("");
  assert.equal(printed("stdout"), "a\nc\nf\nended with 3\ng\n0 null null kept\n");
  assert.equal(printed("stderr"), "b\ne\n");
});
