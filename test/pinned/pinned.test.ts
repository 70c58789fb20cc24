// Numbers that must not change unawares: draws of the random streams, CSV files of small pipelines, losses of both
// stages. A change that is meant: node build/test/pinned/renew.js, and a line in LOG.md.
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
import { DRAWS, LOSSES, PINNED, type PinnedLosses, RENEW } from "./golden";
import { cpuKind, trainAll } from "./losses";
import { PIPELINES, readTables } from "./tables";

/** golden/draws.json, made by golden/make_draws.py, which shares nothing with ours. */
const STREAMS = readJson(
  installPath("test/golden/draws.json"),
  z.custom<{ purpose: (string | number)[]; uniforms: number[] }[]>(),
);

test("every named stream draws what an implementation of its own draws", () => {
  for (const { purpose, uniforms } of STREAMS) {
    const random = randomStream(999, ...purpose);
    assert.deepEqual(
      uniforms.map(() => random.uniform()),
      uniforms,
      JSON.stringify(purpose),
    );
  }
});

test("no stream of lib is missing there", () => {
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

test("what is drawn for seed 999 is what was drawn", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(drawAll())), readJson(DRAWS, z.unknown(), RENEW), RENEW);
});

for (const [name, run] of Object.entries(PIPELINES)) {
  test(`the CSV files of the pipeline ${name} are what they were, to the byte`, async (t) => {
    const dataDir = temporaryFolder(t);
    await run(dataDir);
    const expected = readTables(join(PINNED, name));
    assert.ok(Object.keys(expected).length >= 5, "the pinned files are not there");
    assert.deepEqual(readTables(dataDir), expected, RENEW);
  });
}

test("30 steps of both stages have the losses that they had", async (t) => {
  const pinned = readJson(LOSSES, z.custom<PinnedLosses>(), RENEW);
  const [kind, now] = [cpuKind(), await trainAll()];
  if (pinned[kind]) return assert.deepEqual(now, pinned[kind], RENEW);
  t.diagnostic(`no losses are pinned for ${kind}: compared with another kind's, to 1e-3`);
  const other = Object.values(pinned)[0]!;
  for (const [name, { losses }] of Object.entries(other))
    for (const [step, loss] of losses.entries())
      assert.ok(Math.abs(now[name]!.losses[step]! / loss - 1) < 1e-3, `${name}, step ${step + 1}`);
});
