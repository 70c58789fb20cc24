// npm run check:bare: runs the README's commands on bare Debian systems (debootstrap, minbase) as an ordinary user,
// with only those packages that the set-up asks for; then the Dockerfile's lines. Needs root, debootstrap and
// registries; five minutes and 5 GB per row. All rows, or some:
//   -- [--system debian-12|debian-13] [--node own|20.19|22|24|26] [--dockerfile [--stage cuda]] [--tests "kernel"]
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runDockerfile } from "./bare/dockerfile.mjs";
import { checkJupyter } from "./bare/jupyter.mjs";
import { refuseOthers, setUpByAdvice } from "./bare/lacks.mjs";
import { installNode, NODES } from "./bare/node.mjs";
import {
  copyProject,
  installPackages,
  mustRun,
  openSystem,
  projectRoot,
  SYSTEMS,
  USER,
} from "./bare/system.mjs";

const require = createRequire(import.meta.url);
const { claim } = require("guie/dist/common/files/claim");
const { textTable } = require("guie/dist/common/text_table");

const OPTIONS = {
  system: { type: "string" },
  node: { type: "string" },
  dockerfile: { type: "boolean" },
  stage: { type: "string" },
  tests: { type: "string", default: "notebook/plots" },
};
const values = readOptions();

/** Returns the options. Ends the check for anything else on the command line. */
function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    console.error(`check: ${error.message}\n  Next: options are --${Object.keys(OPTIONS).join(", --")}`);
    return process.exit(2);
  }
}

const CLONE = `/home/${USER}/universal-image-embedding`;
/** Combinations to check; the system's own Node.js is new enough from Debian 13 on. */
const ROWS = [
  { system: "debian-13", node: "own" },
  { system: "debian-13", node: "own", dockerfile: true },
  ...["20.19", "22", "24", "26"].map((node) => ({ system: "debian-12", node })),
];

/** Returns the rows that the options select. */
function wantedRows() {
  const { system, node, dockerfile } = values;
  if (system) assert.ok(system in SYSTEMS, `--system is one of ${Object.keys(SYSTEMS).join(", ")}`);
  if (node) assert.ok(node === "own" || node in NODES, `--node is own, ${Object.keys(NODES).join(", ")}`);
  if (dockerfile) return ROWS.filter((row) => row.dockerfile);
  if (system && node) return [{ system, node }];
  return ROWS.filter(
    (row) => (!system || row.system === system) && (!node || (row.node === node && !row.dockerfile)),
  );
}

/** Returns the line of docs/reference/steps.md that runs all notebooks on a small demo. */
function smallDemo() {
  const line = /^npm run notebooks -- --html .*$/m.exec(
    readFileSync(join(projectRoot, "docs/reference/steps.md"), "utf8"),
  );
  assert.ok(line, "docs/reference/steps.md: `npm run notebooks -- --html ...` is expected there");
  return line[0];
}

/** Runs a part and stores its duration in `seconds`. */
async function timed(seconds, part, work) {
  const startedAtMs = performance.now();
  const made = await work();
  seconds[part] = (performance.now() - startedAtMs) / 1000;
  return made;
}

/** Runs the small demo and some tests. */
async function useProject(system, options, seconds, tell) {
  tell("the small demo");
  await timed(seconds, "demo", () => mustRun(system, smallDemo(), options));
  const tests = `npm test -- ${values.tests}`;
  tell(tests);
  await timed(seconds, "tests", () => mustRun(system, tests, options));
}

/** Runs the README's two commands. */
async function readmeCommands(system, node, seconds, tell) {
  mustRun(system, `useradd --create-home ${USER}`, { user: "root" });
  if (node === "own") installPackages(system, ["nodejs"]);
  else installNode(system, node);
  copyProject(system, CLONE);
  const options = { cwd: CLONE };
  seconds.setUp = setUpByAdvice(system, options, tell);
  refuseOthers(system, options, tell);
  assert.match(mustRun(system, "npm run setup", options), /everything is up to date/);
  await useProject(system, options, seconds, tell);
  tell("JupyterLab");
  const lab = ["node", "scripts/lab.mjs", "--no-browser", "--port=8899"];
  await timed(seconds, "lab", () => checkJupyter(system.start(lab, options), "127.0.0.1"));
}

/** Runs a stage of the Dockerfile (by default the last), then its command. */
async function dockerLines(system, seconds, tell) {
  const state = await timed(seconds, "setUp", () => runDockerfile(system, values.stage, tell));
  await useProject(system, state, seconds, tell);
  tell(`CMD ${state.command.join(" ")}`);
  await timed(seconds, "lab", () => checkJupyter(system.start(state.command, state), "127.0.0.2"));
}

/** Returns one row of the table; a failure becomes part of it. */
async function tryRow({ system: name, node, dockerfile }, folder) {
  const title = dockerfile ? `${name}, Dockerfile` : `${name}, Node ${node}`;
  const tell = (text) => console.log(`${title}: ${text}`);
  const seconds = {};
  let [versions, verdict] = [[], "ok"];
  try {
    const system = openSystem(name, folder);
    try {
      if (dockerfile) await dockerLines(system, seconds, tell);
      else await readmeCommands(system, node, seconds, tell);
    } finally {
      const { output } = system.run("node --version; npm --version; python3 --version");
      versions = output.trim().split("\n");
    }
  } catch (error) {
    verdict = `failed: ${error.message.slice(0, 60).split("\n")[0]}`;
    tell(`FAULT: ${error.message}`);
  }
  const times = ["setUp", "demo", "tests", "lab"].map((part) => seconds[part]?.toFixed(0) ?? "");
  const cells = ["Node", "npm", "Python"].map((_, i) => versions[i]?.replace(/^Python |^v/, "") ?? "");
  return {
    isOk: verdict === "ok",
    cells: [dockerfile ? `${name} (Dockerfile)` : name, ...cells, ...times, verdict],
  };
}

/** Checks all rows, inside the namespaces. */
async function checkRows(work) {
  const rows = [];
  for (const [i, row] of wantedRows().entries()) rows.push(await tryRow(row, join(work, String(i))));
  const header = [
    "system",
    "Node",
    "npm",
    "Python",
    "set-up s",
    "small demo s",
    "tests s",
    "lab s",
    "result",
  ];
  console.log(
    textTable(
      header,
      rows.map(({ cells }) => cells),
    ),
  );
  if (!rows.every(({ isOk }) => isOk)) process.exitCode = 1;
}

/** Runs this script again in its own namespaces: mounts and processes always end with it. */
function enterNamespaces() {
  assert.equal(process.getuid(), 0, "check:bare needs root: sudo npm run check:bare");
  const { error } = spawnSync("debootstrap", ["--version"]);
  assert.equal(error, undefined, "check:bare needs debootstrap: sudo apt-get install debootstrap");
  wantedRows();
  const work = join(projectRoot, ".cache/bare/work");
  const place = claim(work, "npm run check:bare");
  const remove = () => rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  remove();
  mkdirSync(work, { mode: 0o700 });
  const end = (code) => {
    process.exitCode = code;
    remove();
    place.release();
  };
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private"];
  const again = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn("unshare", [...namespaces, ...again], {
    env: { ...process.env, CHECK_BARE_WORK: work },
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill("SIGKILL"));
  child.on("error", (failure) => {
    console.error(`check: unshare could not be started: ${failure.message}`);
    end(1);
  });
  child.on("exit", (code) => end(code ?? 1));
}

try {
  if (process.env.CHECK_BARE_WORK) await checkRows(process.env.CHECK_BARE_WORK);
  else enterNamespaces();
} catch (error) {
  console.error(`check: ${error.message}`);
  process.exitCode = 1;
}
