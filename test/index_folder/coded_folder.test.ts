// A folder of features that is searched by codes in memory, with its rows on disk: by guie find and by guie serve.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { keptFolder } from "guie/dist/common/files/kept_folder";
import { projectPath } from "guie/dist/common/project";
import { serve } from "guie/dist/serving/serve";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { drawPhoto, post } from "../serving/tiny_service";

const CACHE = projectPath(".cache", `test-coded-folder-${process.pid}`);
process.env.GUIE_CACHE_DIR = CACHE;
after(() => rmSync(CACHE, { recursive: true, force: true }));

/** Embeds 20 photos of two classes into shards of six; returns the folders, and a photo that is none of them. */
async function embedded(t: TestContext): Promise<{ photos: string; index: string; query: string }> {
  const folder = temporaryFolder(t);
  const [photos, index, query] = ["photos", "index", "query.png"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (let i = 0; i < 20; i++) await drawPhoto(join(photos, i % 2 ? "apple" : "kiwi", `${i}.png`), i);
  await drawPhoto(query, 40);
  const flags = ["--config-name", "tiny", "--out", index, "--rows-per-shard", "6"];
  const { status, stderr } = await guie("embed", photos, ...flags);
  assert.equal(status, 0, stderr);
  return { photos, index, query };
}

const find = async (...args: string[]) => {
  const { status, stdout, stderr } = await guie("find", "--config-name", "tiny", ...args, "--json");
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout).results[0].hits as { file: string; class: string; score: number }[];
};

test("find by codes gives the exact hits; codes are made once, and anew when the rows change", async (t) => {
  const { photos, index, query } = await embedded(t);
  const plain = await find(query, "--in", index, "-k", "4", "--no-whiten");
  const home = keptFolder(index);
  const codesOf = () =>
    (existsSync(home) ? readdirSync(home) : []).filter((name) => name.startsWith("codes_"));
  assert.deepEqual(codesOf(), []);
  for (const bits of ["1", "8"])
    assert.deepEqual(await find(query, "--in", index, "-k", "4", "--code-bits", bits), plain);
  const made = codesOf();
  assert.deepEqual(
    made.map((name) => name.replace(/^codes_[\da-f]{16}/, "")),
    ["_1.bin", "_8.bin"],
  );
  const stamps = () => codesOf().map((name) => statSync(join(home, name)).mtimeMs);
  const before = stamps();
  await find(query, "--in", index, "--code-bits", "8");
  assert.deepEqual(stamps(), before);

  const own = join(photos, "apple", "1.png");
  assert.notEqual((await find(own, "--in", index, "--code-bits", "8"))[0]!.file, "apple/1.png");
  assert.equal((await guie("index", "remove", index, "--where", "class=kiwi")).status, 0);
  const left = await find(query, "--in", index, "-k", "4", "--code-bits", "8");
  assert.ok(left.every((hit) => hit.class === "apple"));
  assert.deepEqual(left, await find(query, "--in", index, "-k", "4", "--no-whiten"));
  assert.ok(codesOf().every((name) => !made.includes(name)));
});

test("what codes cannot do is refused: photos, whitening, re-ranking, conditions, changes", async (t) => {
  const { photos, index, query } = await embedded(t);
  const said = async (...args: string[]) =>
    (await guie("find", query, "--config-name", "tiny", "--code-bits", "2", ...args)).stderr;
  assert.match(await said("--in", photos), /is no folder of features.*\n.*guie embed/);
  assert.match(await said("--in", "milvus://127.0.0.1:1/x"), /a server keeps the rows/);
  const useless = ["--whiten", "--rerank", "dba", "--where", "class=apple"];
  assert.match(
    await said("--in", index, ...useless),
    /Of no use with --code-bits.*whitening.*re-ranking \(dba\), conditions/,
  );
  const editToken = "a-word-of-24-letters-abc";
  const asked = { index, configName: "tiny", port: 0, codeBits: 2 } as const;
  await assert.rejects(serve({ ...asked, editToken }), /takes no changes/);
  await assert.rejects(serve({ ...asked, approximate: true }), /an approximate search/);
});

test("a service by codes finds what an exact one finds, says its recall, and reads rows from disk", async (t) => {
  const { index, query } = await embedded(t);
  const upload = [{ bytes: readFileSync(query) }];
  const answers: unknown[] = [];
  for (const codeBits of [undefined, 2] as const) {
    const service = await serve({ index, configName: "tiny", port: 0, codeBits });
    t.after(() => service.close());
    const { body } = await post(`${service.url}/search?k=6`, upload);
    const similar = await (await fetch(`${service.url}/similar/7?k=3`)).json();
    const plain = ({ row, name, file, score }: Record<string, unknown>) => [
      row,
      name,
      file,
      (score as number).toFixed(5),
    ];
    answers.push([body.neighbours.map(plain), similar.neighbours.map(plain)]);
    const health = service.health() as { search: { kind: string; recallAt5: number; recallQueries: number } };
    assert.equal(health.search.kind, codeBits ? "codes" : "exact");
    if (codeBits === undefined) continue;
    assert.deepEqual([health.search.recallAt5, health.search.recallQueries], [1, 20]);
    assert.equal((await post(`${service.url}/search?k=6&where=class=apple`, upload)).status, 400);
    assert.equal((await fetch(`${service.url}/reload`, { method: "POST" })).status, 409);
  }
  assert.deepEqual(answers[1], answers[0]);
});
