// A service over an index folder: it follows changes on disk, filters, and takes changes by requests with a token.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { openFeatures } from "guie/dist/features/feature_files";
import { type RunningService, type ServeOptions, serve } from "guie/dist/serving/serve";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { drawPhoto, FORM_TYPE, formBody, post } from "./tiny_service";

const CACHE = projectPath(".cache", `test-served-index-${process.pid}`);
process.env.GUIE_CACHE_DIR = CACHE;
after(() => rmSync(CACHE, { recursive: true, force: true }));

const TOKEN = "a-word-of-24-letters-abc";
const BEARER = { authorization: `Bearer ${TOKEN}` };

interface Served {
  service: RunningService;
  url: string;
  index: string;
  photos: string;
}

/** Serves an index of six photos in two classes. */
async function served(t: TestContext, options: Partial<ServeOptions> = {}): Promise<Served> {
  const folder = temporaryFolder(t);
  const [index, photos] = [join(folder, "index"), join(folder, "photos")];
  for (let i = 0; i < 6; i++) await drawPhoto(join(photos, i < 3 ? "apple" : "pear", `${i}.png`), i);
  await command("embed", photos, "--out", index, "--config-name", "tiny", "--last-blocks", "1");
  const service = await serve({ port: 0, index, editToken: TOKEN, say: () => {}, ...options });
  t.after(() => service.close());
  return { service, url: service.url, index, photos };
}

async function command(...args: string[]): Promise<void> {
  const { status, stderr } = await guie(...args);
  assert.equal(status, 0, stderr);
}

// biome-ignore lint/suspicious/noExplicitAny: answers of all kinds
async function json(url: string, init?: RequestInit): Promise<{ status: number; body: any }> {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.json() };
}

const photo = (path: string) => ({ bytes: readFileSync(path) });

for (const approximate of [false, true])
  test(`the service follows its index, and filters (${approximate ? "approximate" : "exact"})`, async (t) => {
    const { service, url, index, photos } = await served(t, { approximate });
    const query = [photo(join(photos, "apple/0.png"))];
    const found = async (rest: string) => (await post(`${url}/search?k=20${rest}`, query)).body.neighbours;
    const files = (rows: { file: string }[]) => rows.map(({ file }) => file).sort();
    const all = await found("");
    assert.deepEqual([all.length, all[0].file, all[0].isQuery], [6, "apple/0.png", true]);
    assert.deepEqual(files(await found("&where=class%3Dpear")), ["pear/3.png", "pear/4.png", "pear/5.png"]);
    const two = await found("&where=class!%3Dpear&where=file!%3Dapple/1.png");
    assert.deepEqual(files(two), ["apple/0.png", "apple/2.png"]);
    for (const { file, score } of two) {
      const { score: expected } = all.find((row: { file: string }) => row.file === file)!;
      assert.ok(Math.abs(score - expected) < 1e-6);
    }
    assert.deepEqual(await found("&where=class%3Dkiwi"), []);
    const similar = await json(`${url}/similar/${all[0].row}?k=9&where=class%3Dapple`);
    assert.deepEqual(files(similar.body.neighbours), ["apple/1.png", "apple/2.png"]);
    for (const [where, said] of [
      ["colour%3Dred", 'There is no column "colour" to filter by; there are: class, label, file, folder.'],
      ["class", 'the address after "?": where: Expected COLUMN=VALUE or COLUMN!=VALUE, got "class".'],
    ] as const) {
      const { status, body } = await post(`${url}/search?where=${where}`, query);
      assert.deepEqual([status, body.error], [400, said]);
    }

    await drawPhoto(join(photos, "plum/6.png"), 6);
    await command("index", "remove", index, "apple/1.png", "pear/4.png");
    await command("index", "add", index, join(photos, "plum"));
    assert.equal((await found("")).length, 6, "not read again yet");
    assert.equal((await json(`${url}/reload`, { method: "POST" })).status, 202);
    await service.whole;
    const now = await found("");
    const expected = ["apple/0.png", "apple/2.png", "pear/3.png", "pear/5.png", "plum/6.png"];
    assert.deepEqual(files(now), expected);
    const numbers = new Map(all.map(({ file, row }: { file: string; row: number }) => [file, row]));
    for (const { file, row } of now)
      if (numbers.has(file)) assert.equal(row, numbers.get(file), "the same number");
    const fresh = await serve({ port: 0, index, say: () => {}, approximate });
    t.after(() => fresh.close());
    const again = (await post(`${fresh.url}/search?k=20`, query)).body.neighbours;
    assert.deepEqual(
      again.map(({ file, score }: { file: string; score: number }) => [file, score]),
      now.map(({ file, score }: { file: string; score: number }) => [file, score]),
    );
  });

test("images are added and removed by requests with the token", async (t) => {
  const { url, index, photos } = await served(t);
  await drawPhoto(join(photos, "../new.png"), 9);
  const image = photo(join(photos, "../new.png"));
  const name = encodeURIComponent("new <b>.png");
  const added = await post(`${url}/index/add?name=${name}&class=plum`, [image], BEARER);
  assert.equal(added.status, 201, JSON.stringify(added.body));
  const { row } = added.body;
  assert.match(row.file, /^images\/[\da-f]{16}_new <b>\.png$/);
  assert.equal(row.name, "plum");
  const [first] = (await post(`${url}/search?k=1`, [image])).body.neighbours;
  assert.deepEqual([first.row, first.isQuery], [row.row, true]);
  assert.equal((await fetch(`${url}/image/${row.row}`)).status, 200);
  assert.equal(openFeatures(index).count, 7);
  const again = await post(`${url}/index/add?name=${name}&class=plum`, [image], BEARER);
  assert.deepEqual([again.status, again.body.row.row, openFeatures(index).count], [201, row.row, 7]);

  const gone = await json(`${url}/index/rows/${row.row}`, { method: "DELETE", headers: BEARER });
  assert.deepEqual([gone.status, gone.body], [200, { images: 6 }]);
  assert.equal(
    (await json(`${url}/index/rows/${row.row}`, { method: "DELETE", headers: BEARER })).status,
    404,
  );
  assert.equal((await post(`${url}/search?k=20`, [image])).body.neighbours.length, 6);
  assert.equal(readdirSync(join(index, "images")).length, 1, "until the index is compacted");
  await command("index", "compact", index);
  assert.equal(readdirSync(join(index, "images")).length, 0);
  await json(`${url}/reload`, { method: "POST" });
  assert.equal((await post(`${url}/search?k=20`, [image])).body.neighbours.length, 6);
});

test("changes are refused without the token, with bad names and bad images, and by default", async (t) => {
  const { url, index, photos } = await served(t);
  const image = photo(join(photos, "apple/0.png"));
  const add = (query: string, headers: Record<string, string> = BEARER, files = [image]) =>
    post(`${url}/index/add${query}`, files, headers);
  const others: Record<string, string>[] = [
    {},
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: TOKEN },
  ];
  for (const headers of others) {
    const { status, body } = await add("?name=a.png", headers);
    assert.equal(status, 401);
    assert.ok(!JSON.stringify(body).includes(TOKEN));
    assert.equal((await json(`${url}/index/rows/0`, { method: "DELETE", headers })).status, 401);
  }
  for (const query of [
    "",
    "?name=a/b.png",
    "?name=..%2Fa.png",
    "?name=a.exe",
    "?name=a%0A.png",
    "?name=a.png&x=1",
  ])
    assert.equal((await add(query)).status, 400, query);
  assert.equal((await add("?name=a.png&class=%20")).status, 400);
  const text = await add("?name=a.png", BEARER, [{ bytes: Buffer.from("no image at all") }]);
  assert.equal(text.status, 415);
  const broken = await add("?name=a.png", BEARER, [{ bytes: image.bytes.subarray(0, 200) }]);
  assert.ok(broken.status >= 400 && broken.status < 500, String(broken.status));
  const cross = await fetch(`${url}/index/add?name=a.png`, {
    method: "POST",
    headers: { ...BEARER, "content-type": FORM_TYPE, origin: "http://elsewhere.example" },
    body: formBody([image]),
  });
  assert.equal(cross.status, 403);
  assert.equal(openFeatures(index).count, 6);
  assert.ok(!existsSync(join(index, "images")));
  assert.ok(!JSON.stringify(await json(`${url}/health`)).includes(TOKEN));

  const closed = await serve({ port: 0, index, say: () => {} });
  t.after(() => closed.close());
  assert.equal((await post(`${closed.url}/index/add?name=a.png`, [image], BEARER)).status, 403);
  await assert.rejects(
    serve({ port: 0, index, editToken: "short" }),
    /at least 16 ASCII letters.*got 5 letters/,
  );
  await assert.rejects(serve({ port: 0, index: photos, editToken: TOKEN }), /the index takes none/);
});

test("an empty index is served: it says so, and takes images", async (t) => {
  const { url, index, photos, service } = await served(t);
  await command("index", "remove", index, "--class", "apple", "pear");
  await json(`${url}/reload`, { method: "POST" });
  await service.whole;
  const image = photo(join(photos, "apple/0.png"));
  const { status, body } = await post(`${url}/search`, [image]);
  assert.deepEqual([status, body.error], [503, "the index is empty"]);
  assert.equal((await post(`${url}/index/add?name=a.png`, [image], BEARER)).status, 201);
  assert.equal((await post(`${url}/search`, [image])).body.neighbours.length, 1);
});
