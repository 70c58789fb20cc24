// Finds pairs of hashes that differ in few bits.
import type { Database } from "../common/database/database";

const BITS = 64;
/** The largest difference in mean chroma (0 .. 255) between copies of a photo, also if one was brightened. */
const MOST_CHROMA = 8;

/**
 * Makes `pairs` (a, b, distance) from `hashes` (place, hash, blueness, redness): places whose hashes differ in at most
 * `maxDistance` bits and whose mean colours are near. A place that equals an earlier one in all three is paired only
 * with the first such place, which represents the group in other pairs.
 *
 * Two hashes that differ in at most d bits are equal in at least two of d + 2 bands of their bits (pigeonhole), so
 * only hashes that share two bands are compared. (One of d + 1 bands would be too short a key: a hundred times as many
 * comparisons at 2.5 M hashes and 4 bits.)
 */
export async function findPairs(database: Database, maxDistance: number): Promise<void> {
  await database.run(
    "CREATE TABLE looks AS SELECT hash, blueness, redness, min(place) AS first FROM hashes GROUP BY ALL",
  );
  await database.run("CREATE TABLE near (a INTEGER, b INTEGER, distance INTEGER)");
  for (const mask of pairsOfBands(maxDistance + 2)) {
    await database.run(
      `INSERT INTO near
       SELECT x.first, y.first, bit_count(xor(x.hash, y.hash)) AS distance
       FROM looks x JOIN looks y ON x.hash & ${mask}::UBIGINT = y.hash & ${mask}::UBIGINT AND x.first < y.first
       WHERE distance <= ${maxDistance} AND abs(x.blueness - y.blueness) <= ${MOST_CHROMA}
         AND abs(x.redness - y.redness) <= ${MOST_CHROMA}`,
    );
  }
  await database.run(
    `CREATE TABLE pairs AS
     SELECT first AS a, place AS b, 0 AS distance FROM looks JOIN hashes USING (hash, blueness, redness)
     WHERE place <> first
     UNION ALL (SELECT DISTINCT * FROM near)`,
  );
}

/** Returns the masks of all pairs of `count` bands. */
function pairsOfBands(count: number): bigint[] {
  const edge = (band: number) => BigInt(Math.floor((BITS * band) / count));
  const bands = Array.from({ length: count }, (_, band) => (1n << edge(band + 1)) - (1n << edge(band)));
  return bands.flatMap((band, i) => bands.slice(i + 1).map((other) => band | other));
}
