// Twenty kills of a process that adds to an index and removes from it: the index opens, holds what was acknowledged, and
// is searched like one that is built afresh.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { randomStream } from "guie/dist/common/random";
import { listRows } from "guie/dist/common/vectors";
import { openFeatures } from "guie/dist/features/feature_files";
import { compactIndex } from "guie/dist/index_folder/compact";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { temporaryFolder } from "../folders";
import { embedTexts, vectorOf, writeTexts } from "./text_index";

const KILLS = 20;
/** The worker is killed within this time after it has made a number of changes. */
const LATEST_MS = 100;
const MOST_CHANGES = 3;

interface Line {
  begun?: "add" | "remove" | "compact";
  done?: string;
  files?: string[];
}

/** Lets a worker make some changes of an index, and kills it in the next one. @returns the lines that it wrote */
async function killedWorker(
  [index, photos]: readonly [string, string],
  seed: number,
  changes: number,
  afterMs: number,
): Promise<Line[]> {
  const worker = spawn(process.execPath, [join(__dirname, "kill_worker.js"), index, photos, String(seed)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const closed = once(worker, "close");
  await new Promise<void>((resolve) => {
    worker.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("begun") && text.split("done").length > changes) resolve();
    });
    closed.then(() => resolve());
  });
  await pause(afterMs);
  worker.kill("SIGKILL");
  const [code] = await closed;
  assert.equal(code, null, "the worker ended by itself");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole.split("\n").flatMap((line) => (line === "" ? [] : (JSON.parse(line) as Line)));
}

/** Returns the file sets that may be there after these changes: all but perhaps the last one is done. */
function possible(before: ReadonlySet<string>, lines: readonly Line[]): Set<string>[] {
  let [held, earlier] = [new Set(before), new Set(before)];
  for (const { begun, files = [] } of lines) {
    if (begun === undefined) continue;
    earlier = held;
    held = new Set(held);
    for (const file of files)
      if (begun === "add") held.add(file);
      else if (begun === "remove") held.delete(file);
  }
  return lines.at(-1)?.done === undefined ? [earlier, held] : [held];
}

test("an index survives twenty kills", async (t) => {
  const folder = temporaryFolder(t);
  const [index, photos] = [join(folder, "index"), join(folder, "photos")];
  const names = Array.from({ length: 10 }, (_, i) => `${i}.jpg`);
  writeTexts(photos, names);
  await embedTexts(index, photos, { files: names });
  const random = randomStream(30, "moments");
  let held = new Set(names);
  let changes = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const lines = await killedWorker(
      [index, photos],
      kill,
      random.integer(0, MOST_CHANGES),
      random.integer(0, LATEST_MS),
    );
    changes += lines.filter(({ done }) => done !== undefined).length;
    const features = openFeatures(index);
    const files = [...(await features.readRows()).files];
    const sorted = JSON.stringify([...files].sort());
    const allowed = possible(held, lines).map((set) => JSON.stringify([...set].sort()));
    assert.ok(allowed.includes(sorted), `kill ${kill}: ${sorted} is none of ${allowed.join(" or ")}`);
    const vectors = features.readAll();
    for (const [row, vector] of listRows(vectors).entries())
      assert.deepEqual([...vector], vectorOf(readFileSync(join(photos, files[row]!))), files[row]);
    const fresh = await embedTexts(join(folder, `fresh ${kill}`), photos, { files });
    const queries = fresh.readAll();
    const k = Math.min(5, files.length);
    assert.deepEqual(
      await nearestNeighbours(queries, features, k),
      await nearestNeighbours(queries, fresh, k),
    );
    held = new Set(files);
  }
  assert.ok(changes >= KILLS, `${changes} changes: the kills come too early to test anything`);
  await compactIndex(index);
  assert.ok(!existsSync(join(index, "rows.csv")));
  t.diagnostic(`${KILLS} kills, ${changes} changes that were acknowledged`);
});
