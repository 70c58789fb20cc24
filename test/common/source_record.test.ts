// The record of sources: content decides, equal size and times spare reading it, a kill loses lines and nothing else.
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { contentOf, fileContent, NO_CONTENT, seeFile } from "guie/dist/common/files/fingerprint";
import { SourceRecord } from "guie/dist/common/files/source_record";
import { temporaryFolder } from "../folders";

test("the hash of a file is that of its bytes, in one piece or in several; a folder has none", async (t) => {
  const folder = temporaryFolder(t);
  // printf abc | sha256sum | cut -c1-32
  assert.equal(contentOf(Buffer.from("abc")), "ba7816bf8f01cfea414140de5dae2223");
  for (const bytes of [0, 3, 1 << 20, (1 << 20) + 1]) {
    const path = join(folder, `${bytes}`);
    const content = Buffer.alloc(bytes, "x");
    writeFileSync(path, content);
    assert.equal(await fileContent(path), contentOf(content));
  }
  assert.equal(await fileContent(folder), NO_CONTENT);
  assert.equal(await seeFile(join(folder, "none")), undefined);
});

test("an image is made anew if the content of its source changed, whatever dates and names say", async (t) => {
  const folder = temporaryFolder(t);
  const [source, target, other] = ["source", "target", "other"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const path = join(folder, "sources.jsonl");
  writeFileSync(source, "first");
  writeFileSync(target, "made of the first");
  const making = { image: "a, \n b", source, target };
  const isMade = async () => (await SourceRecord.open(path)).isMade(making, (await seeFile(source))!);
  const record = await SourceRecord.open(path);
  record.set(making.image, { stamp: "", content: contentOf(Buffer.from("first")), reason: "" });
  record.flush();
  assert.equal(await isMade(), true);
  utimesSync(source, 5, 5);
  assert.equal(await isMade(), true, "touched");
  writeFileSync(source, "other");
  utimesSync(source, 5, 5);
  assert.equal(await isMade(), false, "of the same size and date");
  writeFileSync(other, "first");
  renameSync(other, source);
  assert.equal(await isMade(), true, "put back");
  writeFileSync(target, "");
  assert.equal(await isMade(), false, "what a power cut may leave");
});

test("a kill while an image is made anew leaves no entry about the old image", async (t) => {
  const folder = temporaryFolder(t);
  const [source, target, path] = ["source", "target", "sources.jsonl"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(source, "first");
  writeFileSync(target, "made of the first");
  const record = await SourceRecord.open(path);
  record.set("a", { stamp: "", content: contentOf(Buffer.from("first")), reason: "" });
  record.flush();
  record.forget("a");
  writeFileSync(target, "made of another"); // and killed before its line was written
  const again = await SourceRecord.open(path);
  assert.equal(await again.isMade({ image: "a", source, target }, (await seeFile(source))!), false);
});

test("a source with the recorded stamp is not read", async (t) => {
  const folder = temporaryFolder(t);
  const [source, target] = [join(folder, "source"), join(folder, "target")];
  for (const path of [source, target]) writeFileSync(path, "x");
  const record = await SourceRecord.open(join(folder, "sources.jsonl"));
  const making = { image: "a", source, target };
  record.set("a", { stamp: "1 2 3 4", content: "a lie", reason: "" });
  assert.equal(await record.isMade(making, { stamp: "1 2 3 4", changedMs: 0 }), true);
  for (const stamp of ["2 2 3 4", "1 3 3 4", "1 2 4 4", "1 2 3 5", ""])
    assert.equal(await record.isMade(making, { stamp, changedMs: 0 }), false, stamp);
});

test("a line that a kill cut off is skipped, and later lines count; keepOnly drops other sources", async (t) => {
  const path = join(temporaryFolder(t), "sources.jsonl");
  const entry = (content: string) => ({ stamp: "s", content, reason: "" });
  const record = await SourceRecord.open(path);
  for (const name of ["a", "b"]) record.set(name, entry("1"));
  record.flush();
  appendFileSync(path, '["c","s"');
  const again = await SourceRecord.open(path);
  assert.deepEqual([again.get("a"), again.get("c")], [entry("1"), undefined]);
  again.set("a", entry("2"));
  again.flush();
  const third = await SourceRecord.open(path);
  assert.deepEqual([third.get("a"), third.get("b")], [entry("2"), entry("1")]);
  await third.keepOnly(["b", "none"]);
  assert.equal(readFileSync(path, "utf8"), '["b","s","1",""]\n');
});
