// `guie index` and `guie find --in INDEX` with a real, tiny model.
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { openFeatures } from "guie/dist/features/feature_files";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { drawPhoto } from "../serving/tiny_service";

const CACHE = projectPath(".cache", `test-index-${process.pid}`);
process.env.GUIE_CACHE_DIR = CACHE;
after(() => rmSync(CACHE, { recursive: true, force: true }));

const TINY = ["--config-name", "tiny", "--last-blocks", "1"];

/** Embeds six photos in two classes to an index. */
async function shop(t: TestContext): Promise<{ index: string; photos: string }> {
  const folder = temporaryFolder(t);
  const [index, photos] = [join(folder, "index"), join(folder, "photos")];
  for (let i = 0; i < 6; i++) await drawPhoto(join(photos, i < 3 ? "apple" : "pear", `${i}.png`), i);
  const { status, stderr } = await guie("embed", photos, "--out", index, ...TINY);
  assert.equal(status, 0, stderr);
  return { index, photos };
}

/** Runs a command that must succeed; returns its --json summary. */
// biome-ignore lint/suspicious/noExplicitAny: summaries of all kinds
async function summaryOf(...args: string[]): Promise<any> {
  const { status, stdout, stderr } = await guie(...args, "--json");
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test("photos are added by the index's own model, found, filtered, removed and compacted", async (t) => {
  const { index, photos } = await shop(t);
  const more = join(photos, "../more");
  for (let i = 6; i < 9; i++) await drawPhoto(join(more, `${i}.png`), i);
  writeFileSync(
    join(more, "table.csv"),
    "file,class,shelf\n6.png,pear,top\n7.png,plum,top\n8.png,plum,low\n",
  );
  const added = await summaryOf("index", "add", index, join(more, "table.csv"));
  assert.deepEqual([added.added, added.unchanged, added.rows], [3, 0, 9]);
  assert.equal((await summaryOf("index", "add", index, join(more, "table.csv"))).unchanged, 3);
  const info = await summaryOf("index", "info", index);
  assert.deepEqual(
    [info.rows, info.classes, info.columns],
    [9, 3, ["class", "label", "file", "folder", "shelf"]],
  );

  const find = (...flags: string[]) =>
    summaryOf("find", join(photos, "apple/0.png"), "--in", index, ...flags);
  const hits = async (...flags: string[]) =>
    ((await find(...flags)).results[0].hits as { file: string; class: string; score: number }[]).map(
      (hit) => hit,
    );
  const all = await hits("-k", "20");
  assert.equal(all.length, 8, "all but the query itself");
  const plums = await hits("--where", "class=plum");
  assert.deepEqual(new Set(plums.map((hit) => hit.class)), new Set(["plum"]));
  assert.deepEqual(
    plums,
    all.filter((hit) => hit.class === "plum").map((hit, i) => ({ ...hit, rank: i + 1 })),
  );
  const top = await hits("--where", "shelf=top", "class!=plum");
  assert.deepEqual(
    top.map(({ file }) => file),
    [join(more, "6.png")],
  );
  assert.equal((await hits("--where", "folder=pear")).length, 3);
  for (const [flag, said] of [
    ["colour=red", /no column "colour" to filter by; there are: class, label, file, folder, shelf/],
    ["class=kiwi", /None of 9 photos meets class=kiwi/],
    ["class", /Expected COLUMN=VALUE or COLUMN!=VALUE, got "class"/],
  ] as const) {
    const { status, stderr } = await guie(
      "find",
      join(photos, "apple/0.png"),
      "--in",
      index,
      "--where",
      flag,
    );
    assert.equal(status, 1);
    assert.match(stderr, said);
  }

  const removed = await summaryOf("index", "remove", index, join(photos, "apple/1.png"), "--class", "plum");
  assert.deepEqual(
    new Set(removed.removed),
    new Set(["apple/1.png", join(more, "7.png"), join(more, "8.png")]),
  );
  const compacted = await summaryOf("index", "compact", index);
  assert.deepEqual([compacted.isChanged, compacted.rows], [true, 6]);
  assert.ok(compacted.bytes < compacted.bytesBefore);
  assert.equal((await hits("-k", "20")).length, 5);
  assert.ok(existsSync(join(photos, "apple/1.png")), "the images stay");
});

test("another model, an empty index and words without effect are refused", async (t) => {
  const { index, photos } = await shop(t);
  const refused = async (said: RegExp, ...args: string[]) => {
    const { status, stderr } = await guie(...args);
    assert.equal(status, 1, stderr);
    assert.match(stderr, said);
  };
  await refused(/Which images\?/, "index", "remove", index);
  await refused(/there is no run|no such run/, "index", "add", index, photos, "--model", "nowhere");
  await refused(/is an index/, "find", photos, "--in", index, "--class-level", "1");
  const { count } = openFeatures(index);
  assert.equal(count, 6);
  await summaryOf("index", "remove", index, "--class", "apple", "pear");
  await refused(/is empty: there is nothing to search/, "find", photos, "--in", index);
  assert.equal((await summaryOf("index", "add", index, photos)).rows, 6);
});
