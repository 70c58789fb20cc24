// Archives unpacked in shares: by bytes, into one raw folder at once, with the files and tables of one process.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findDataSet } from "guie/dist/datasets/catalogue";
import { archivesOfPart, unpackShare } from "guie/dist/datasets/unpack_share";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { makeTgz, makeZip } from "./make_archives";

test("archives are dealt out by bytes, the largest first", () => {
  const archives = [9, 50, 10, 20, 30, 11].map((bytes) => ({ name: `${bytes}.zip`, bytes }));
  const parts = [1, 2, 3].map((index) =>
    archivesOfPart(archives, { index, count: 3 }).map(({ bytes }) => bytes),
  );
  assert.deepEqual(parts, [[50], [30, 10], [20, 11, 9]]);
  assert.deepEqual(archivesOfPart(archives, { index: 9, count: 9 }), []);
});

/** Makes a raw folder of the data set Fruit with archives whose folders are mixed. */
function withArchives(t: TestContext): string {
  const dataDir = temporaryFolder(t);
  const raw = join(dataDir, "raw/Fruit");
  mkdirSync(raw, { recursive: true });
  for (let number = 0; number < 6; number++) {
    const entries = Array.from({ length: 8 }, (_, i) => ({
      path: `${["train", "val", "test"][i % 3]}/Fruit/${i < 6 ? "Apple" : `Kind_${number}`}/${number}_${i}.jpg`,
      content: `${number} ${i} `.repeat(100 * number),
    }));
    writeFileSync(
      join(raw, `part_${number}.${number % 2 ? "zip" : "tgz"}`),
      (number % 2 ? makeZip : makeTgz)(entries),
    );
  }
  return dataDir;
}

/** Returns path -> content of all files below a folder, without marks of archives: they hold inodes. */
function tree(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const kept = paths.filter((path) => !path.endsWith(".unpacked") && !path.endsWith("gz"));
  return Object.fromEntries(kept.map((path) => [path.slice(folder.length), readFileSync(path, "latin1")]));
}

test("shares at once into one raw folder, one of them twice, one missing: files and tables of one process", async (t) => {
  const [one, shared] = [withArchives(t), withArchives(t)];
  const getData = (dataDir: string, ...more: string[]) =>
    guie("get-data", "--data-dir", dataDir, "--dataset", "Fruit", ...more);
  const alone = await getData(one);
  assert.equal(alone.status, 0, alone.stderr);
  const share = (index: number) => unpackShare(shared, [findDataSet("Fruit")], { part: { index, count: 4 } });
  const counts = await Promise.all([share(1), share(3), share(1), share(2)]);
  assert.ok(counts.every(({ archives, total }) => archives >= 1 && total === 6));
  const { status, stdout, stderr } = await getData(shared, "--part", "2/4");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /\d of 6 archives unpacked, .*part 2 of 4\n.*same command without --part/);
  assert.ok(!existsSync(join(shared, "csv/Fruit.csv")));
  const last = await getData(shared);
  assert.equal(last.status, 0, last.stderr);
  assert.deepEqual(tree(shared), tree(one));
});
