// A service over a folder of photos: new photos are found after a reload, and only these are embedded.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RerankName } from "guie/dist/retrieval/reranking/methods";
import type { RunningService } from "guie/dist/serving/serve";
import { temporaryFolder } from "../folders";
import { drawPhoto, makeTinyRun, post, startService } from "./tiny_service";

/** Makes a folder of photos, and a cache of its own. */
async function photoFolder(t: TestContext, count: number): Promise<string> {
  const folder = temporaryFolder(t);
  process.env.GUIE_CACHE_DIR = join(folder, "cache");
  t.after(() => delete process.env.GUIE_CACHE_DIR);
  const photos = join(folder, "photos");
  mkdirSync(photos);
  for (let i = 0; i < count; i++) await drawPhoto(join(photos, `${i}.png`), i);
  return photos;
}

interface Health {
  index: {
    images: number;
    whitened: number | null;
    rerank: string[];
    photos: Record<"total" | "done" | "embedded" | "leftOut", number> & {
      busy: boolean;
      problem: string | null;
      leftOutFiles: { file: string; reason: string }[];
    };
  };
}
const indexOf = ({ health }: RunningService) => (health() as unknown as Health).index;

async function reload(service: RunningService): Promise<Health["index"]> {
  const response = await fetch(`${service.url}/reload`, { method: "POST" });
  assert.equal(response.status, 202);
  await service.whole;
  return indexOf(service);
}

async function firstFound({ url }: RunningService, path: string) {
  return (await post(`${url}/search?k=1`, [{ bytes: readFileSync(path) }])).body.neighbours[0];
}

test("a reload finds added photos, and embeds only these; removed ones leave, changed ones are embedded again", async (t) => {
  const photos = await photoFolder(t, 20);
  writeFileSync(join(photos, "broken.jpg"), "no photo");
  writeFileSync(join(photos, "film.mov"), "film");
  const lines: string[] = [];
  t.mock.method(process.stderr, "write", (line: string) => lines.push(line) > 0);
  const tiny = await makeTinyRun(t);
  const service = await startService(t, tiny, { index: photos });
  await service.whole;
  const first = indexOf(service);
  assert.deepEqual([first.images, first.photos.embedded, first.photos.total], [20, 20, 21]);
  assert.deepEqual([first.photos.leftOut, first.photos.busy], [2, false]);
  assert.deepEqual(
    first.photos.leftOutFiles.map(({ file }) => file),
    ["film.mov", "broken.jpg"],
  );
  const kept = await firstFound(service, join(photos, "5.png"));
  assert.deepEqual([kept.file, kept.isQuery], ["5.png", true], "this very photo, by its bytes");
  const other = readFileSync(join(photos, "5.png"));
  const found = await post(`${service.url}/search?k=2`, [{ bytes: Buffer.concat([other, Buffer.of(0)]) }]);
  assert.deepEqual(
    found.body.neighbours.map(({ isQuery }: { isQuery: boolean }) => isQuery),
    [false, false],
    "the same picture in another file is another photo",
  );

  const removed = await firstFound(service, join(photos, "0.png"));
  rmSync(join(photos, "0.png"));
  for (let i = 20; i < 30; i++) await drawPhoto(join(photos, `${i}.png`), i);
  await drawPhoto(join(photos, "1.png"), 50);
  const second = await reload(service);
  assert.deepEqual([second.images, second.photos.embedded], [29, 11]);
  assert.match(
    lines.join(""),
    /29 photos can be searched: 11 embedded now, 18 known; 2 files are left out: film\.mov \(a film\), broken\.jpg \(/,
  );
  assert.equal((await firstFound(service, join(photos, "25.png"))).file, "25.png");
  assert.equal((await firstFound(service, join(photos, "1.png"))).file, "1.png");
  assert.deepEqual(await firstFound(service, join(photos, "5.png")), kept, "rows keep their numbers");
  for (const route of ["image", "similar"]) {
    const gone = await fetch(`${service.url}/${route}/${removed.row}`);
    assert.equal(gone.status, 404);
    assert.match((await gone.json()).error, /there is no row \d+ in the index/);
  }
  const { rows } = await (await fetch(`${service.url}/samples`)).json();
  assert.deepEqual([rows.length, (await fetch(service.url + rows[0].image)).status], [15, 200]);

  await service.close();
  const again = await startService(t, tiny, { index: photos });
  await again.whole;
  assert.deepEqual(
    [indexOf(again).images, indexOf(again).photos.embedded],
    [29, 0],
    "a new start embeds nothing",
  );
});

test("a folder that vanishes leaves the index as it was; the answer names no path of this machine", async (t) => {
  const photos = await photoFolder(t, 3);
  t.mock.method(process.stderr, "write", () => true);
  const service = await startService(t, await makeTinyRun(t), { index: photos });
  await service.whole;
  rmSync(photos, { recursive: true });
  const { images, photos: status } = await reload(service);
  assert.deepEqual([images, status.busy], [3, false]);
  assert.equal(status.problem, "the photos cannot be read now: see the service's own output");
});

test("a search before any photo can be read is told to wait; an index that does not change refuses a reload", async (t) => {
  const photos = await photoFolder(t, 0);
  writeFileSync(join(photos, "broken.jpg"), "no photo");
  t.mock.method(process.stderr, "write", () => true);
  const tiny = await makeTinyRun(t);
  const service = await startService(t, tiny, { index: photos });
  await service.whole;
  const image = join(photos, "a.png");
  await drawPhoto(image, 1);
  const { status, body } = await post(`${service.url}/search`, [{ bytes: readFileSync(image) }]);
  assert.deepEqual([status, body], [503, { error: "none of the photos can be read" }]);
  assert.deepEqual((await (await fetch(`${service.url}/samples`)).json()).rows, []);

  const fixed = await startService(t, tiny);
  const refused = async (init: RequestInit, query = "") => {
    const response = await fetch(`${fixed.url}/reload${query}`, { method: "POST", ...init });
    return [response.status, (await response.json()).error];
  };
  assert.deepEqual(await refused({}), [
    409,
    "this index does not change: start the service again to read it again",
  ]);
  assert.equal((await refused({ headers: { origin: "http://example.com" } }))[0], 403);
  assert.equal((await refused({ body: "{}", headers: { "content-type": "application/json" } }))[0], 415);
  assert.equal((await refused({}, "?k=3"))[0], 400);
  const form = await post(`${fixed.url}/reload`, [{ bytes: "x" }]);
  assert.deepEqual([form.status, form.body], [400, { error: "expected no body: curl -X POST is enough" }]);
});

test("photos are whitened by their own vectors on request, and queries with them", async (t) => {
  const photos = await photoFolder(t, 60);
  t.mock.method(process.stderr, "write", () => true);
  const tiny = await makeTinyRun(t);
  for (const whiten of [undefined, true]) {
    const service = await startService(t, tiny, { index: photos, whiten });
    await service.whole;
    const { whitened } = indexOf(service);
    assert.equal(whitened !== null, whiten === true, "a run's vectors are not whitened unasked");
    const found = await firstFound(service, join(photos, "33.png"));
    assert.deepEqual([found.file, found.score > 0.9999], ["33.png", true]);
    const { neighbours } = await (await fetch(`${service.url}/similar/3?k=2`)).json();
    assert.equal(neighbours.length, 2);
  }
});

test("re-ranking searches photos by the chosen methods, exactly and by a graph", async (t) => {
  const photos = await photoFolder(t, 60);
  t.mock.method(process.stderr, "write", () => true);
  const tiny = await makeTinyRun(t);
  const searched = async (rerank: readonly RerankName[], approximate: boolean) => {
    const service = await startService(t, tiny, { index: photos, rerank, approximate });
    await service.whole;
    assert.deepEqual(indexOf(service).rerank, rerank);
    const bytes = readFileSync(join(photos, "33.png"));
    const { body } = await post(`${service.url}/search?k=5`, [{ bytes }]);
    return body.neighbours.map(({ file, score }: { file: string; score: number }) => [
      file,
      score.toFixed(4),
    ]);
  };
  const plain = await searched([], false);
  for (const rerank of [["dba", "alpha_qe"], ["k_reciprocal"]] as const) {
    const exact = await searched(rerank, false);
    assert.deepEqual(await searched(rerank, true), exact);
    assert.equal(exact.length, 5);
    assert.notDeepEqual(exact, plain, `${rerank}`);
  }
});
