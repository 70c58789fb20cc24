// Numbers that must not change unintentionally: draws of the random streams, CSV files of small pipelines, losses of
// both stages. For an intended change: node build/test/pinned/renew.js, and a line in LOG.md.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readJson } from "guie/dist/common/files/files";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { z } from "zod";
import { temporaryFolder } from "../folders";
import { drawAll } from "./draws";
import { DRAWS, LOSSES, PINNED, type PinnedLosses, RENEW, RUN_FOLDERS } from "./golden";
import { cpuKind, trainAll } from "./losses";
import { PIPELINES, readTables } from "./tables";

/** Draws by golden/make_draws.py, which shares no code with ours. */
const STREAMS = readJson(
  installPath("test/golden/draws.json"),
  z.custom<{ purpose: (string | number)[]; uniforms: number[] }[]>(),
);

test("every named stream draws the same as an independent implementation", () => {
  for (const { purpose, uniforms } of STREAMS) {
    const random = randomStream(999, ...purpose);
    assert.deepEqual(
      uniforms.map(() => random.uniform()),
      uniforms,
      JSON.stringify(purpose),
    );
  }
});

test("the golden file has every stream of lib", () => {
  const lib = installPath("lib");
  const sources = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !/^(dist|node_modules)\//.test(file),
  );
  const calls = sources.flatMap((file) =>
    Array.from(
      readFileSync(join(lib, file), "utf8")
        .replaceAll(/^ \* .*$/gm, "")
        .matchAll(/randomStream\(\s*[\w.]+,\s*(.*)/g),
      (call) => call[1]!,
    ),
  );
  const named = calls.flatMap((words) => /^"([^"]+)"/.exec(words)?.[1] ?? []);
  assert.ok(named.length >= 15, `${named.length} streams found: the test reads too few`);
  const known = new Set(STREAMS.map(({ purpose }) => purpose[0]));
  assert.deepEqual(
    [...new Set(named)].filter((name) => !known.has(name)),
    [],
    "add it to golden/make_draws.py",
  );
});

test("draws for seed 999 are unchanged", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(drawAll())), readJson(DRAWS, z.unknown(), RENEW), RENEW);
});

for (const [name, run] of Object.entries(PIPELINES)) {
  test(`the CSV files of the pipeline ${name} are unchanged, to the byte`, async (t) => {
    const dataDir = temporaryFolder(t);
    await run(dataDir);
    const expected = readTables(join(PINNED, name));
    assert.ok(Object.keys(expected).length >= 5, "the pinned files are not there");
    assert.deepEqual(readTables(dataDir), expected, RENEW);
  });
}

test("the losses of 30 steps of both stages, and what the run folders hold, are unchanged", async (t) => {
  const pinned = readJson(LOSSES, z.custom<PinnedLosses>(), RENEW);
  const kind = cpuKind();
  const { losses: now, folders } = await trainAll();
  assert.deepEqual(JSON.parse(JSON.stringify(folders)), readJson(RUN_FOLDERS, z.unknown(), RENEW), RENEW);
  if (pinned[kind]) return assert.deepEqual(now, pinned[kind], RENEW);
  t.diagnostic(`no losses are pinned for ${kind}; compared with another kind's, to 1e-3`);
  const other = Object.values(pinned)[0]!;
  for (const [name, { losses }] of Object.entries(other))
    for (const [step, loss] of losses.entries())
      assert.ok(Math.abs(now[name]!.losses[step]! / loss - 1) < 1e-3, `${name}, step ${step + 1}`);
});
