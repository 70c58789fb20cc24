// History of the cells run in this kernel, for the arrow keys of `jupyter console` and JupyterLab's history.

const SESSION = 1;

/** Returns true if a text matches a shell pattern with * and ?. */
function matches(text, pattern) {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/\*/g, "[^]*").replace(/\?/g, "[^]")}$`).test(text);
}

/** The cells of this session. */
class History {
  #cells = [];

  add(count, code) {
    this.#cells.push({ count, code });
  }

  /** Answers a history_request; earlier sessions and outputs are not kept. */
  answer({ hist_access_type: access, n, pattern = "*", unique, start = 0, stop, session = 0, output }) {
    const chosen = {
      range: () =>
        [0, SESSION].includes(session)
          ? this.#cells.filter(({ count }) => count >= start && count < (stop ?? Number.POSITIVE_INFINITY))
          : [],
      tail: () => this.#cells.slice(-(n || this.#cells.length)),
      search: () => this.#search(pattern, unique).slice(-(n || this.#cells.length)),
    }[access];
    const history = (chosen?.() ?? []).map(({ count, code }) => [
      SESSION,
      count,
      output ? [code, null] : code,
    ]);
    return { history };
  }

  #search(pattern, unique) {
    const found = this.#cells.filter(({ code }) => matches(code, pattern));
    return unique
      ? found.filter(({ code }, i) => !found.slice(i + 1).some((later) => later.code === code))
      : found;
  }
}

module.exports = { History };
