// Tests `guie find` and `guie serve` over a real Milvus Lite: the hits are those of the same photos on disk.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { search } from "guie/dist/photos/search";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { drawPhoto, makeTinyRun, post, startService } from "../serving/tiny_service";
import { NO_SERVER, startMilvus } from "./servers";

const CLIENTS = 10;
const REQUESTS = 5;

/** Names of files in a list of hits. */
const filesOf = (hits: readonly { file: string }[]) => hits.map(({ file }) => file);

test("find, serve and search give the hits of the same photos on disk; other models are refused", {
  skip: NO_SERVER,
}, async (t) => {
  const [tiny, server, folder] = [await makeTinyRun(t), await startMilvus(t), temporaryFolder(t)];
  const [photos, features, url] = [join(folder, "photos"), join(folder, "features"), `${server}/photos`];
  for (let number = 0; number < 12; number++) {
    const kind = number % 2 === 0 ? "even" : "odd <b>";
    await drawPhoto(join(photos, kind, `${number}.png`), number);
  }
  const made = await guie("embed", photos, "--model", tiny.run, "--out", features, "--dtype", "float32");
  assert.equal(made.status, 0, made.stderr);
  process.env.GUIE_MILVUS_TOKEN = "root:open-sesame";
  t.after(() => delete process.env.GUIE_MILVUS_TOKEN);
  const pushed = await guie("index", "push", features, "--to", url);
  assert.match(pushed.stdout, /12 rows, 12 sent now/, pushed.stderr);
  assert.ok(!/sesame/.test(pushed.stdout + pushed.stderr));

  const query = join(photos, "even", "4.png");
  const options = { model: tiny.run, k: 3, whiten: false };
  const wanted = await search(query, { ...options, index: photos });
  const found = await search(query, { ...options, index: url });
  assert.deepEqual(filesOf(found.results[0]!.hits), filesOf(wanted.results[0]!.hits));
  assert.deepEqual(found.results[0]!.itself, ["even/4.png"]);
  assert.ok(
    found.results[0]!.hits.every((hit) => hit.class === (/^even/.test(hit.file) ? "even" : "odd <b>")),
  );
  const table = await guie("find", query, "--in", url, "--model", tiny.run, "-k", "3");
  for (const file of filesOf(wanted.results[0]!.hits)) assert.ok(table.stdout.includes(file), table.stdout);
  const whitened = await guie("find", query, "--in", url, "--model", tiny.run, "--whiten");
  assert.match(whitened.stderr, /Of no use with an index in Milvus: whitening/);
  const other = await guie("find", query, "--in", url, "--config-name", "tiny");
  assert.match(other.stderr, /vectors by .*: they cannot be compared with queries by tiny/);

  const service = await startService(t, tiny, { index: url });
  const local = await startService(t, tiny, { index: features });
  const image = await (await fetch(`${local.url}/image/3`)).arrayBuffer();
  const ask = async (base: string) => {
    const { status, body } = await post(`${base}/search?k=4`, [{ bytes: Buffer.from(image) }]);
    assert.equal(status, 200, JSON.stringify(body));
    return body.neighbours.map(({ file, name, row }: Record<string, unknown>) => [file, name, row]);
  };
  const mine = await ask(local.url);
  const clients = Array.from({ length: CLIENTS }, async () => {
    for (let request = 0; request < REQUESTS; request++) assert.deepEqual(await ask(service.url), mine);
  });
  await Promise.all(clients);
  for (const path of ["/similar/5?k=3", "/samples"]) {
    const [there, here] = await Promise.all(
      [service, local].map(async (one) => (await fetch(one.url + path)).json()),
    );
    const rows = (answer: Record<string, { file: string }[]>) => filesOf(Object.values(answer)[0]!);
    assert.deepEqual(rows(there), rows(here), path);
  }
  assert.equal((await fetch(`${service.url}/image/3`)).headers.get("content-type"), "image/jpeg");
  rmSync(photos, { recursive: true });
  assert.notEqual((await fetch(`${service.url}/image/4`)).status, 200);
  assert.deepEqual(await ask(service.url), mine); // without the photos, hits are names
});
