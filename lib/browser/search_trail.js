// The queries of a visit, one after the other, in step with the browser's Back and Forward.

/** @typedef {import("./search_query.js").Query} Query */

/**
 * Keeps the queries of a visit. They are lost when the page is loaded again: the browser's history cannot hold photos.
 * @param {(query: Query | undefined) => void} show shows a query that the reader went back to, undefined for the start
 */
export default function searchTrail(show) {
  const visit = crypto.randomUUID();
  /** @type {Query[]} */
  const queries = [];
  /** Place of the query that is shown; -1 is the start. */
  let at = -1;

  /** Returns the place of the newest query of the reader's own photos up to now; -1 if there is none. */
  const ownPlace = () => queries.slice(0, at + 1).findLastIndex(({ pictures }) => pictures[0].file);

  history.replaceState({ visit, at }, "");
  window.onpopstate = ({ state }) => {
    at = state?.visit === visit ? state.at : -1;
    show(queries[at]);
  };

  return {
    /** Adds a query after the one that is shown; those behind it are dropped. */
    add(/** @type {Query} */ query) {
      for (const { pictures } of queries.splice(at + 1))
        for (const { address, file } of pictures) if (file) URL.revokeObjectURL(address);
      at = queries.push(query) - 1;
      history.pushState({ visit, at }, "");
    },
    /** Returns the words of a button that goes back from a hit; undefined if the own photos, or the start, are shown. */
    backWords() {
      if (at < 0 || ownPlace() === at) return undefined;
      if (ownPlace() < 0) return "Back";
      return queries[ownPlace()].pictures.length === 1 ? "Back to your photo" : "Back to your photos";
    },
    /** Goes back to the own photos, or one step if there are none. */
    back() {
      if (ownPlace() < 0) history.back();
      else history.go(ownPlace() - at);
    },
  };
}
