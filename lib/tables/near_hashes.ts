import type { Database } from "./database";

/**
 * Makes `pairs` (a, b, distance) from `hashes` (place, hash): places whose hashes differ in at most `maxDistance`
 * bits. Of equal hashes, each place is paired with the first alone, and the first stands for all in other pairs.
 *
 * Two hashes that differ in at most d bits are equal in at least one of d + 1 bands of their bits (pigeonhole), so
 * only hashes that share a band are compared.
 */
export async function findPairs(database: Database, maxDistance: number): Promise<void> {
  await database.run(
    "CREATE TABLE looks AS SELECT hash, min(place) AS first FROM hashes GROUP BY hash ORDER BY hash",
  );
  const count = maxDistance + 1;
  const edges = Array.from({ length: count + 1 }, (_, band) => Math.floor((64 * band) / count));
  const bands = Array.from({ length: count }, (_, band) => {
    const width = edges[band + 1]! - edges[band]!;
    const bits = count === 1 ? "hash" : `(hash >> ${edges[band]}) & ${2 ** width - 1}`;
    return `SELECT ${band} AS band, (${bits})::UBIGINT AS bits, hash, first FROM looks`;
  });
  await database.run(
    `CREATE TABLE pairs AS
     SELECT first AS a, place AS b, 0 AS distance FROM looks JOIN hashes USING (hash) WHERE place <> first
     UNION ALL (
       WITH bands AS (${bands.join(" UNION ALL ")})
       SELECT DISTINCT x.first, y.first, bit_count(xor(x.hash, y.hash))::INTEGER
       FROM bands x JOIN bands y ON x.band = y.band AND x.bits = y.bits AND x.first < y.first
       WHERE bit_count(xor(x.hash, y.hash)) <= ${maxDistance}
     )`,
  );
}
