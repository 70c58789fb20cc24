// The rooms of bench: their sizes and names, the rows of `npm run bench all`, and what a machine's kind is.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";

const load = (path: string) => import(pathToFileURL(installPath("bench", path)).href);

/** Maximum number of files in a room. */
const MOST_FILES = 25;

test("bench has rooms of at most 25 files, each in the README, and no name twice", () => {
  const readme = readFileSync(installPath("bench/README.md"), "utf8");
  const rooms = readdirSync(installPath("bench"), { withFileTypes: true }).filter((one) => one.isDirectory());
  const files = rooms.flatMap(({ name }) => {
    const inRoom = readdirSync(installPath("bench", name)).filter((file) => !file.startsWith("__"));
    assert.ok(inRoom.length <= MOST_FILES, `${name} has ${inRoom.length} files`);
    assert.ok(readme.includes(`\n- \`${name}\`: `), `bench/README.md has no line on ${name}`);
    return inRoom;
  });
  assert.deepEqual(
    files.filter((file, i) => files.indexOf(file) !== i),
    [],
  );
});

test("every row of the whole names a case of a benchmark and one of its peers, with five rounds or more", async () => {
  const { ROWS } = await load("overview/wanted.mjs");
  const { findCase } = await load("overview/all.mjs");
  assert.ok(ROWS.length >= 27, `${ROWS.length} rows`);
  for (const row of ROWS) {
    const { peers, rounds = 7 } = await findCase(row.bench, row.case);
    assert.ok(peers.includes(row.peer), `${row.title}: ${row.bench}, ${row.case} has no peer ${row.peer}`);
    assert.ok(rounds >= 5, `${row.title}: ${rounds} rounds`);
  }
  const titles = ROWS.map(({ title }: { title: string }) => title);
  assert.equal(new Set(titles).size, titles.length);
  await assert.rejects(findCase("vit", "vit-s/14"), /"vit" has no case "vit-s\/14"/);
  await assert.rejects(findCase("vat", "x"), /there is no benchmark "vat"/);
});

test("a word is a case's whole name if one has it, else a part of names", async () => {
  const { chosenCases } = await load("shared/cases.mjs");
  const cases = [{ name: "photos 1392 px" }, { name: "photos 1392 px, decoded at reduced size" }];
  assert.equal(chosenCases(cases, "photos 1392 px").length, 1);
  assert.equal(chosenCases(cases, "1392").length, 2);
  assert.equal(chosenCases(cases, "").length, 2);
});

test("a machine's kind is its vendor, its vector instructions and its cores", async () => {
  const { describeMachine } = await load("overview/machine.mjs");
  const cpuinfo = (vendor: string, flags: string) =>
    `processor\t: 0\nvendor_id\t: ${vendor}\nmodel name\t: A CPU\nflags\t\t: fpu ${flags}\n`;
  assert.deepEqual(describeMachine(cpuinfo("AuthenticAMD", "avx avx2"), 2), {
    kind: "amd-avx2-2cores",
    cpu: "A CPU",
    flags: ["avx2"],
    cores: 2,
  });
  const { kind } = describeMachine(cpuinfo("GenuineIntel", "avx2 avx512f avx512_bf16 amx_bf16"), 8);
  assert.equal(kind, "intel-avx512-bf16-amx-8cores");
});

test("a case in bfloat16 is left out on a CPU without it, with the reason", async () => {
  const { whyNot } = await load("shared/cases.mjs");
  const spec = { needs: "bfloat16" };
  assert.equal(whyNot(spec, new Set(["avx2"])), "this CPU has neither avx512_bf16 nor amx_bf16");
  assert.equal(whyNot(spec, new Set(["avx2", "amx_bf16"])), undefined);
  assert.equal(whyNot({}, new Set()), undefined);
});

test("another checkout's contestants are found by their names, in whatever folder it keeps them", async () => {
  const { mapScripts } = await load("shared/former.mjs");
  const files = (...paths: string[]) => new Map(paths.map((path) => [basename(path), path]));
  const ours = files("/new/bench/processes/all_ranks.mjs", "/new/bench/processes/reduce_ours.mjs");
  const theirs = files("/old/bench/all_ranks.mjs", "/old/bench/reduce_ours.mjs");
  const args = [
    "/new/bench/processes/all_ranks.mjs",
    "2",
    "node",
    "/new/bench/processes/reduce_ours.mjs",
    "{}",
  ];
  assert.deepEqual(mapScripts(args, ours, theirs), [
    "/old/bench/all_ranks.mjs",
    "2",
    "node",
    "/old/bench/reduce_ours.mjs",
    "{}",
  ]);
  assert.equal(mapScripts(args, ours, files("/old/bench/all_ranks.mjs")), undefined);
});
