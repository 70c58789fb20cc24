// Rows of a large result by way of a file.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Database, withDatabase } from "guie/dist/common/database/database";
import { UserError } from "guie/dist/common/errors";

const COLUMNS = { numbers: ["n", "m"], texts: ["a", "b"] };

/** Reads all rows of a query with the columns n, m, a and b. */
async function rowsOf(database: Database, sql: string): Promise<unknown[][]> {
  const rows: unknown[][] = [];
  await database.eachRow(sql, COLUMNS, (row) => rows.push([...row.numbers, row.text(0), row.text(1)]));
  return rows;
}

test("numbers and texts come back whatever the texts hold", async () => {
  const texts = ["", " ", "\n", "a,\"b'c\\", "1 2 3\n", "\u0001\r\n", "東方/é\u{1f34e}.jpg", "x".repeat(300)];
  const rows = texts.map((text, i) => [i - 2, 10 ** i, text, texts.at(-1 - i)]);
  const values = rows.map(
    ([n, m, a, b]) => `(${n}, ${m}, ${[a, b].map((text) => `'${String(text).replaceAll("'", "''")}'`)})`,
  );
  await withDatabase(async (database) => {
    await database.run(`CREATE TABLE t AS SELECT * FROM (VALUES ${values.join(", ")}) v(n, m, a, b)`);
    assert.deepEqual(await rowsOf(database, "SELECT * FROM t ORDER BY m"), rows);
  });
});

test("a NULL is -1 or an empty text, and a query without rows calls nothing", async () => {
  await withDatabase(async (database) => {
    const query = "SELECT NULL::INTEGER AS n, 3 AS m, NULL AS a, 'b' AS b";
    assert.deepEqual(await rowsOf(database, query), [[-1, 3, "", "b"]]);
    assert.deepEqual(await rowsOf(database, `${query} WHERE false`), []);
  });
});

test("many rows keep the query's order, over blocks of the file, by any number of threads", async () => {
  const query =
    "SELECT i AS n, -i AS m, 'image_' || i AS a, repeat('y', (i % 90)::INTEGER) AS b FROM range(200000) r(i)";
  for (const threads of [1, 4]) {
    let next = 0;
    await withDatabase(
      (database) =>
        database.eachRow(query, COLUMNS, (row) => {
          assert.ok(row.numbers[0] === next && row.numbers[1] === -next, `row ${next}`);
          assert.ok(row.text(0) === `image_${next}` && row.text(1).length === next % 90, `row ${next}`);
          next++;
        }),
      threads,
    );
    assert.equal(next, 200_000);
  }
});

test("a text larger than a block is read whole", async () => {
  const query = "SELECT 1 AS n, 2 AS m, repeat('z', 9000000) AS a, 'end' AS b";
  await withDatabase(async (database) => {
    const [[n, m, a, b] = []] = await rowsOf(database, query);
    assert.deepEqual([n, m, (a as string).length, b], [1, 2, 9_000_000, "end"]);
  });
});

test("errors of the query and of the reader arrive", async () => {
  await withDatabase(async (database) => {
    await assert.rejects(rowsOf(database, "SELECT * FROM nothing"), /nothing does not exist/);
    const stopped = database.eachRow("SELECT 1 AS n", { numbers: ["n"] }, () => {
      throw new UserError("enough");
    });
    await assert.rejects(stopped, /enough/);
  });
});
