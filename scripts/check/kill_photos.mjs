// Cases of `npm run check:kills` on a person's photos: find, inspect, fit, serve. A kill loses no finished block of
// vectors: the rerun embeds the photos that are missing, and no other.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { guie } from "./kill_commands.mjs";

const require = createRequire(import.meta.url);
const { contentOf } = require("guie/dist/common/files/fingerprint");
const { splitContents } = require("guie/dist/features/feature_sources");
const { openSafetensors } = require("guie/dist/formats/safetensors");

/** Below the root: data/NAME and checkpoints/NAME_... of `guie fit`. */
const FITTED = "fitted";
const TINY = ["--config-name", "tiny"];
const LOOK_MS = 5;

/** Writes the photos: class folders, a file that is no image, and a broken one; and a query that is none of them. */
export function writePhotos(root, images) {
  const photos = join(root, "photos");
  const [first, ...others] = images;
  for (const { path, content } of others) {
    mkdirSync(dirname(join(photos, path)), { recursive: true });
    writeFileSync(join(photos, path), content);
  }
  writeFileSync(join(photos, "notes.txt"), "no image");
  writeFileSync(join(photos, "class_0/broken.jpg"), first.content.subarray(0, 300));
  writeFileSync(join(root, "query.jpg"), first.content);
  return { root, photos, query: join(root, "query.jpg"), cache: join(root, ".cache"), count: others.length };
}

/** Returns the number of photos whose vectors are kept, without the query. */
function keptVectors({ cache, query }) {
  if (!existsSync(cache)) return 0;
  const names = readdirSync(cache, { recursive: true, encoding: "utf8" });
  const contents = names
    .filter((name) => /vectors\.[\da-f]{16}\.safetensors$/.test(name))
    .flatMap((name) => {
      const { metadata, close } = openSafetensors(join(cache, name));
      close();
      return splitContents(metadata.contents);
    });
  const found = new Set(contents);
  found.delete(contentOf(readFileSync(query)));
  return found.size;
}

/** The vectors depend on the batch that a photo was in, by some units of the last place. */
const rounded = (value) =>
  JSON.parse(JSON.stringify(value), (_, cell) =>
    typeof cell === "number" ? Number(cell.toPrecision(4)) : cell,
  );

/** Returns the cases for killCommand. @param model a run that embeds quickly */
export function photoCases(all, { model, same }) {
  const { root, photos, query, cache, count } = all;
  const [sheet, report] = [join(root, "sheet.html"), join(root, "report")];
  const common = {
    caches: [cache],
    hasBegun: () => keptVectors(all) > 0,
    finished: () => keptVectors(all),
  };
  const models = ["whitened", "lda", "frozen", "fine_tune"].map((rung) =>
    join(root, `checkpoints/${FITTED}_${rung}`),
  );
  return [
    {
      ...common,
      command: "find",
      args: ["find", query, "--in", photos, ...TINY, "--html", sheet, "--json"],
      place: sheet,
      outputs: [sheet],
      same: { "\\.html$": (text) => text.replace(/\d+ embedded now/, "") },
      resultOf: ({ results }) => rounded(results),
      requireKept: (before, { photos: { embedded } }) => assert.equal(before + embedded, count),
    },
    {
      ...common,
      command: "inspect",
      args: ["inspect", photos, "--model", model, "--out", report, "--json"],
      place: report,
      outputs: [report],
      resultOf: rounded,
    },
    {
      ...common,
      command: "fit",
      args: ["fit", photos, "--name", FITTED, "--preset", "tiny", "--seed", "7", "--json"],
      hasBegun: () => existsSync(join(root, "data", FITTED)),
      place: join(root, "data", FITTED),
      outputs: [join(root, "data", FITTED), ...models],
      same,
      resultOf: (summary) => summary,
    },
  ];
}

/** Starts the service; `whole` is fulfilled with its health when all photos can be searched. */
function startService({ photos }) {
  const child = spawn(process.execPath, [guie, "serve", photos, ...TINY, "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (data) => {
    said += data;
  });
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  const address = async () => {
    for (;;) {
      const url = /^(http:\S+): open/m.exec(said)?.[1];
      if (url) return url;
      assert.equal(child.exitCode, null, `guie serve failed:\n${said.slice(-2000)}`);
      await sleep(LOOK_MS);
    }
  };
  const whole = async () => {
    const url = await address();
    for (;;) {
      const { index } = await (await fetch(`${url}/health`)).json();
      if (!index.photos.busy) return { url, photos: index.photos };
      await sleep(LOOK_MS);
    }
  };
  return { child, ended, whole };
}

/** Asks a service with a photo. */
async function ask(url, query) {
  const form = new FormData();
  form.append("image", new Blob([readFileSync(query)]), "query.jpg");
  const answer = await fetch(`${url}/search?k=20`, { method: "POST", body: form });
  assert.equal(answer.status, 200);
  const { neighbours } = await answer.json();
  // a photo's number and address are those of the process, in the order in which it was embedded
  return rounded(neighbours.map(({ file, label, name, score }) => ({ file, label, name, score })));
}

/** Waits until all photos can be searched, asks, and ends the service as a person does. */
async function askAndEnd({ child, ended, whole }, query) {
  const { url, photos } = await whole();
  const answer = await ask(url, query);
  child.kill("SIGINT");
  assert.equal((await ended).code, 0);
  return { answer, embedded: photos.embedded };
}

/**
 * Kills the service at random moments of its embedding; started again, it must answer as one that was never killed, and
 * embed only the photos that are missing.
 * @returns a row of the table
 */
export async function killService(all, moments, random) {
  const { cache, query, count } = all;
  const startedAtMs = Date.now();
  const begun = async (service) => {
    while (!existsSync(cache) && service.child.exitCode === null) await sleep(LOOK_MS);
    return Date.now();
  };
  rmSync(cache, { recursive: true, force: true });
  const first = startService(all);
  const begunAtMs = await begun(first);
  await first.whole();
  const workMs = Date.now() - begunAtMs;
  const expected = await askAndEnd(first, query);
  assert.equal(expected.embedded, count);
  let inWork = 0;
  for (let kills = 0; kills < moments; kills++) {
    rmSync(cache, { recursive: true, force: true });
    const service = startService(all);
    await begun(service);
    await sleep(random.uniform() * workMs);
    service.child.kill("SIGKILL");
    await service.ended;
    const before = keptVectors(all);
    if (before < count) inWork++;
    const { answer, embedded } = await askAndEnd(startService(all), query);
    assert.deepEqual(answer, expected.answer, `serve: the answer after kill ${kills + 1}`);
    assert.equal(before + embedded, count, `serve: photos embedded twice after kill ${kills + 1}`);
  }
  console.log(
    `serve: ${moments} kills, ${inWork} during its work; ${moments} reruns, all with the same answer`,
  );
  return {
    command: "serve",
    kills: moments,
    inWork,
    reruns: moments,
    seconds: (Date.now() - startedAtMs) / 1000,
  };
}
