// Fairness of the draws of Data_Merge.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withDatabase } from "guie/dist/common/database/database";
import { repeatSmallClasses } from "guie/dist/tables/resample";
import { sampleClasses } from "guie/dist/tables/sample";

/** Returns the SQL of a table of `classes` classes with `size` images each. */
const rowsSql = (classes: number, size: number) =>
  `SELECT k || '/' || i || '.jpg' AS new_image_files, k::INTEGER AS new_labels, 'a' AS dataset
   FROM range(${classes}) c(k), range(${size}) r(i)`;

/** Checks that each image's share of the draws is within five standard deviations of a fair draw. */
function assertFair(taken: readonly number[], draws: number, probability: number): void {
  const limit = 5 * Math.sqrt((probability * (1 - probability)) / draws);
  for (const [i, count] of taken.entries()) {
    const share = count / draws;
    assert.ok(
      Math.abs(share - probability) < limit,
      `image ${i}: ${share}, expected ${probability} +- ${limit}`,
    );
  }
}

test("1 of 2: over many classes each image is taken half the time", async () => {
  await withDatabase(async (database) => {
    await database.run(`CREATE TABLE two AS ${rowsSql(5_000, 2)}`);
    await sampleClasses(database, { from: "two", to: "one", maxPerClass: 1, seed: 999 });
    const counts = await database.rows<{ file: string; n: number }>(
      "SELECT right(new_image_files, 5) AS file, count(*) AS n FROM one GROUP BY 1 ORDER BY 1",
    );
    assert.equal(counts[0]!.n + counts[1]!.n, 5_000);
    assertFair(
      counts.map(({ n }) => n),
      5_000,
      1 / 2,
    );
  });
});

test("1 of 2: over many seeds as well", async () => {
  const seeds = 400;
  const taken = [0, 0];
  await withDatabase(async (database) => {
    await database.run(`CREATE TABLE two AS ${rowsSql(1, 2)}`);
    for (let seed = 0; seed < seeds; seed++) {
      await sampleClasses(database, { from: "two", to: "one", maxPerClass: 1, seed });
      const { file } = await database.row<{ file: string }>("SELECT new_image_files AS file FROM one");
      taken[file === "0/0.jpg" ? 0 : 1]!++;
      await database.run("DROP TABLE one");
    }
  });
  assertFair(taken, seeds, 1 / 2);
});

test("3 of 10: every image and every pair is equally likely, nothing is drawn twice", async () => {
  const classes = 6_000;
  await withDatabase(async (database) => {
    await database.run(`CREATE TABLE ten AS ${rowsSql(classes, 10)}`);
    await sampleClasses(database, { from: "ten", to: "three", maxPerClass: 3, seed: 5 });
    const { rows, images } = await database.row<{ rows: number; images: number }>(
      "SELECT count(*) AS rows, count(DISTINCT new_image_files) AS images FROM three",
    );
    assert.deepEqual([rows, images], [3 * classes, 3 * classes]);
    const single = await database.rows<{ n: number }>(
      "SELECT count(*) AS n FROM three GROUP BY split_part(new_image_files, '/', 2)",
    );
    assert.equal(single.length, 10);
    assertFair(
      single.map(({ n }) => n),
      classes,
      3 / 10,
    );
    const pairs = await database.rows<{ n: number }>(
      `SELECT count(*) AS n FROM three a JOIN three b ON a.new_labels = b.new_labels AND a.new_image_files < b.new_image_files
       GROUP BY split_part(a.new_image_files, '/', 2), split_part(b.new_image_files, '/', 2)`,
    );
    assert.equal(pairs.length, 45);
    assertFair(
      pairs.map(({ n }) => n),
      classes,
      3 / 45,
    );
  });
});

test("small classes are repeated to exactly 20 rows: whole copies, and the rest drawn without replacement", async () => {
  const sizes = Array.from({ length: 25 }, (_, i) => i + 1);
  await withDatabase(async (database) => {
    await database.run(
      `CREATE TABLE sized AS SELECT k || '/' || i AS new_image_files, k::INTEGER AS new_labels, 'a' AS dataset
       FROM unnest([${sizes}]) c(k), range(k) r(i)`,
    );
    await repeatSmallClasses(database, { from: "sized", to: "balanced", minPerClass: 20, seed: 999 });
    for (const n of sizes) {
      const copies = await database.rows<{ copies: number }>(
        `SELECT copies FROM balanced WHERE new_labels = ${n} ORDER BY copies`,
      );
      const whole = n < 20 ? Math.floor(20 / n) : 1;
      const rest = n < 20 ? 20 % n : 0;
      const expected = [...Array(n - rest).fill(whole), ...Array(rest).fill(whole + 1)];
      assert.deepEqual(
        copies.map((row) => row.copies),
        expected,
        `class of ${n}`,
      );
    }
  });
});

test("each image of a class of 7 is equally likely to occur a third time", async () => {
  const classes = 3_000;
  await withDatabase(async (database) => {
    await database.run(`CREATE TABLE seven AS ${rowsSql(classes, 7)}`);
    await repeatSmallClasses(database, { from: "seven", to: "balanced", minPerClass: 20, seed: 999 });
    const thirds = await database.rows<{ n: number }>(
      "SELECT count(*) AS n FROM balanced WHERE copies = 3 GROUP BY split_part(new_image_files, '/', 2)",
    );
    assertFair(
      thirds.map(({ n }) => n),
      classes,
      6 / 7,
    ); // 20 = 2 x 7 + 6
  });
});
