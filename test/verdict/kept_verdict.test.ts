// A verdict kept with its index: made by the command, used by find, the service and the contact sheet, refused for
// another model and for changed photos.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { serve } from "guie/dist/serving/serve";
import sharp from "sharp";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { makeTinyRun, post, startService } from "../serving/tiny_service";

/** Side of a photo, px. */
const SIDE = 32;

/** Draws one of four photos of an object: a grid of its own colours, a little brighter each time. */
async function drawObject(path: string, object: number, photo: number): Promise<void> {
  const cell = (at: number) =>
    Math.floor((Math.floor(at / 3) % SIDE) / 8) + 4 * Math.floor(at / 3 / SIDE / 8);
  const pixels = Uint8Array.from(
    { length: SIDE * SIDE * 3 },
    (_, at) => (((cell(at) * 61 + (at % 3) * 97) * (object * 13 + 7)) % 230) + 6 * photo,
  );
  await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png()
    .toFile(path);
}

/** Makes seven objects of four photos, a photo of an eighth, and a cache of its own. */
async function shop(t: TestContext) {
  const folder = temporaryFolder(t);
  process.env.GUIE_CACHE_DIR = join(folder, "cache");
  t.after(() => delete process.env.GUIE_CACHE_DIR);
  const photos = join(folder, "photos");
  for (let object = 0; object < 7; object++) {
    const own = join(photos, object === 0 ? "<b>kiwi" : `object ${object}`);
    mkdirSync(own, { recursive: true });
    for (let photo = 0; photo < 4; photo++) await drawObject(join(own, `${photo}.png`), object, photo);
  }
  const [known, stranger] = [join(folder, "known.png"), join(folder, "stranger.png")];
  await drawObject(known, 2, 1.5);
  const noise = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, at) => (at * at * 7919) % 251);
  await sharp(noise, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png()
    .toFile(stranger);
  return { folder, photos, known, stranger };
}

const tiny = ["--config-name", "tiny"];

test("find says which hits are the same object, after evaluate --threshold; changed photos and models have no verdict", async (t) => {
  const { folder, photos, known, stranger } = await shop(t);
  const before = await guie("find", known, "--in", photos, ...tiny);
  assert.match(before.stdout, /no verdict yet: npx guie evaluate --threshold --in /);
  assert.doesNotMatch(before.stdout, /same object|nothing alike/);

  const few = await guie("evaluate", "--threshold", "--in", photos, ...tiny);
  assert.equal(few.status, 1);
  assert.match(few.stderr, /Too few classes.*needs 300 queries.*there are 28 of 7 classes/);
  const made = await guie("evaluate", "--threshold", "--in", photos, "--rate", "0.2", ...tiny);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /for 20 % false accepts/);
  assert.match(made.stdout, /class in the index: accepted and right +1\.000/);

  const sheet = join(folder, "sheet.html");
  const found = await guie("find", known, stranger, "--in", photos, "--html", sheet, ...tiny);
  assert.match(found.stdout, /known\.png +1 +[\d.]+ +same object, \d+ % +object 2/);
  assert.match(found.stdout, /stranger\.png: nothing alike in this index/);
  assert.match(found.stdout, /a verdict with 20 % false accepts/);
  const page = readFileSync(sheet, "utf8");
  assert.match(page, /same object, \d+ %/);
  assert.match(page, /nothing alike in this index/);
  const json = JSON.parse((await guie("find", known, "--in", photos, "--json", ...tiny)).stdout);
  const [first, , , , fifth] = json.results[0].hits;
  assert.ok(first.verdict.isSame && first.verdict.probability > 0.5, JSON.stringify(first));
  assert.ok(!fifth.verdict.isSame && fifth.verdict.probability < first.verdict.probability);

  const other = await guie("find", known, "--in", photos, ...tiny, "--model", (await makeTinyRun(t)).run);
  assert.match(other.stdout, /no verdict: the one that is kept is of another model: npx guie evaluate /);
  copyFileSync(stranger, join(photos, "object 1", "new.png"));
  const changed = await guie("find", known, "--in", photos, ...tiny);
  assert.match(changed.stdout, /no verdict: images or classes have changed since it was made/);
  assert.doesNotMatch(changed.stdout, /same object/);
});

test("photos without classes are refused with what would give a verdict", async (t) => {
  const { folder, known } = await shop(t);
  const flat = join(folder, "flat");
  mkdirSync(flat);
  for (const name of ["a.png", "b.png"]) copyFileSync(known, join(flat, name));
  const refused = await guie("evaluate", "--threshold", "--in", flat, ...tiny);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /has no classes.*\n.*folder per object/);
  const found = await guie("find", known, "--in", flat, ...tiny);
  assert.match(found.stdout, /these images have no classes: sort them into a folder per object/);
});

test("the service judges hits, and says its promise", async (t) => {
  const { photos, known, stranger } = await shop(t);
  const run = await makeTinyRun(t);
  const lines: string[] = [];
  const say = (line: string) => lines.push(line) > 0;
  const without = await startService(t, run, { index: photos, say });
  await without.whole;
  assert.match(lines.join("\n"), /no verdict yet: npx guie evaluate \S+ --threshold --in /);
  const index = without.health().index as { verdict: Record<string, unknown> };
  assert.deepEqual(index.verdict, { lack: "no verdict yet" }, "clients see no path of this machine");
  const made = await guie("evaluate", run.run, "--threshold", "--in", photos, "--rate", "0.2");
  assert.equal(made.status, 0, made.stderr);

  const service = await startService(t, run, { index: photos, say });
  await service.whole;
  assert.equal((service.health().index as { verdict: { falseAccepts: number } }).verdict.falseAccepts, 0.2);
  const search = async (path: string) =>
    (await post(`${service.url}/search?k=5`, [{ bytes: readFileSync(path) }])).body.neighbours;
  const [first] = await search(known);
  assert.equal(first.name, "object 2");
  assert.ok(first.verdict.isSame, JSON.stringify(first));
  for (const hit of await search(stranger)) assert.equal(hit.verdict.isSame, false, JSON.stringify(hit));
  const two = [known, stranger].map((path) => ({ bytes: readFileSync(path) }));
  const together = (await post(`${service.url}/search?k=5&together=1`, two)).body.neighbours;
  assert.equal(together.length, 5);
  for (const hit of together) assert.equal(hit.verdict, null, "the rate is of queries of one image");
  const similar = await fetch(`${service.url}/similar/${first.row}?k=2`);
  const { neighbours } = (await similar.json()) as { neighbours: { verdict: { isSame: boolean } }[] };
  assert.ok(neighbours[0]!.verdict.isSame);
});

test("a folder of features gets a verdict of its own, which replacing the folder keeps in its list of parts", async (t) => {
  const { folder, photos, known } = await shop(t);
  const out = join(folder, "features");
  assert.equal((await guie("embed", photos, "--out", out, ...tiny)).status, 0);
  const made = await guie("evaluate", "--threshold", "--in", out, "--rate", "0.2", ...tiny);
  assert.equal(made.status, 0, made.stderr);
  assert.ok(readdirSync(out).some((name) => /^verdict_[0-9a-f]{8}\.json$/.test(name)));
  const service = await serve({ configName: "tiny", index: out, port: 0 });
  t.after(() => service.close());
  const { body } = await post(`${service.url}/search?k=1`, [{ bytes: readFileSync(known) }]);
  assert.ok(body.neighbours[0].verdict.isSame, JSON.stringify(body));
  assert.equal(
    (await guie("embed", photos, "--out", out, "--views", "mirror", "--overwrite", ...tiny)).status,
    0,
  );
});

test("held-out classes: the verdict lies with the index, and the service uses it", async (t) => {
  const run = await makeTinyRun(t);
  const made = await guie(
    "evaluate",
    run.run,
    "--threshold",
    "--rate",
    "0.4",
    "--data-dir",
    run.dataDir,
    "--json",
  );
  assert.equal(made.status, 0, made.stderr);
  const [kept] = Object.values<{ path: string }>(JSON.parse(made.stdout).verdicts);
  const { path } = kept!;
  assert.match(path, /embeddings\/index\/verdict_[0-9a-f]{8}\.json$/);
  const service = await startService(t, run);
  assert.equal((service.health().index as { verdict: { falseAccepts: number } }).verdict.falseAccepts, 0.4);
  writeFileSync(path, "{");
  await assert.rejects(startService(t, run), /verdict_/);
});
