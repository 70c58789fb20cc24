// Finds the points of a map under the mouse and inside a lasso, by a grid of cells.

/** @typedef {import("../notebook/atlas/page").AtlasSearch} AtlasSearch */

/**
 * Sorts points into cells.
 * @param {Float32Array} places [N, 2], x and y from 0 to 1
 * @returns {AtlasSearch}
 */
export default function atlasSearch(places) {
  const count = places.length / 2;
  const side = Math.max(1, Math.ceil(Math.sqrt(count / 4)));
  const cellOf = (/** @type {number} */ value) => Math.min(side - 1, Math.max(0, Math.floor(value * side)));
  const starts = new Uint32Array(side * side + 1);
  const cells = Uint32Array.from(
    { length: count },
    (_, i) => cellOf(places[2 * i + 1]) * side + cellOf(places[2 * i]),
  );
  for (const cell of cells) starts[cell + 1]++;
  for (let cell = 0; cell < side * side; cell++) starts[cell + 1] += starts[cell];
  const next = starts.slice();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[next[cells[i]]++] = i;

  /** Calls `use` with the points of all cells that touch a box. @type {(box: number[], use: (i: number) => void) => void} */
  const eachNear = ([left, top, right, bottom], use) => {
    for (let row = cellOf(top); row <= cellOf(bottom); row++) {
      const first = starts[row * side + cellOf(left)];
      const end = starts[row * side + cellOf(right) + 1];
      for (let k = first; k < end; k++) use(order[k]);
    }
  };

  return {
    nearest(x, y, reachX, reachY, isShown) {
      let [best, found] = [1, -1];
      eachNear([x - reachX, y - reachY, x + reachX, y + reachY], (i) => {
        const distance = Math.hypot((places[2 * i] - x) / reachX, (places[2 * i + 1] - y) / reachY);
        if (distance > best || !isShown(i)) return;
        [best, found] = [distance, i];
      });
      return found;
    },
    inside(corners, isShown) {
      const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
      const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      const isInside = (/** @type {number} */ x, /** @type {number} */ y) => {
        let inside = false;
        for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
          const crosses = ys[a] > y !== ys[b] > y;
          if (crosses && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) inside = !inside;
        }
        return inside;
      };
      /** @type {number[]} */
      const found = [];
      eachNear(box, (i) => {
        if (isShown(i) && isInside(places[2 * i], places[2 * i + 1])) found.push(i);
      });
      return Uint32Array.from(found).sort();
    },
  };
}
