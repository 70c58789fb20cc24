// The page of `guie serve`: searches with images that are chosen, dropped or pasted, or with a part of one, and shows the
// results.

/** @typedef {import("../serving/found_row").FoundRow} FoundRow */
/** @typedef {import("../serving/found_row").IndexRow} IndexRow */
/** @typedef {import("./search_query.js").Query} Query */

/**
 * The functions of the page's parts, each the default of its file.
 * @typedef {object} SearchParts
 * @property {typeof import("./search_cards.js").default} cards
 * @property {typeof import("./search_conditions.js").default} conditions
 * @property {typeof import("./search_query.js").default} query
 * @property {typeof import("./search_rectangle.js").default} rectangle
 * @property {typeof import("./search_state.js").default} state
 * @property {typeof import("./search_trail.js").default} trail
 */

/**
 * Attaches the page's behaviour.
 * @param {SearchParts} parts
 */
export default function searchPage(parts) {
  const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const file = /** @type {HTMLInputElement} */ (get("file"));
  const count = /** @type {HTMLSelectElement} */ (get("count"));
  const [ask, back, status, error, found] = [
    get("ask"),
    get("back"),
    get("status"),
    get("error"),
    get("found"),
  ];
  const number = (/** @type {number} */ value) => value.toLocaleString("en-US");
  /** True if the last search came before the first photos: it is repeated. */
  let isTooEarly = false;
  /** Count of searches: only the last one may show its answer. */
  let searches = 0;
  /** @type {Query | undefined} */
  let current;

  const showCards = (/** @type {HTMLElement[]} */ cards) => {
    const lines = cards.map((card) => {
      const line = document.createElement("li");
      line.append(card);
      return line;
    });
    found.replaceChildren(...lines);
  };

  /** Shows a sample of the index before the first search. */
  const showSamples = async () => {
    const search = ++searches;
    const response = await fetch("/samples");
    const { rows } = /** @type {{ rows: IndexRow[] }} */ (await response.json());
    if (search !== searches) return;
    delete ask.dataset.busy;
    error.textContent = "";
    status.textContent = rows.length > 0 ? "Or start with one of these:" : "";
    showCards(rows.map(cards.sample));
  };

  /** Sends a query: the reader's files with their rectangles as numbers, or the number of a row. */
  const send = (/** @type {Query} */ { pictures }) => {
    const options = new URLSearchParams({ k: count.value });
    for (const condition of conditions.typed()) options.append("where", condition);
    const whole = { left: 0, top: 0, right: 1, bottom: 1 };
    const sidesOf = (/** @type {import("./search_rectangle.js").Part} */ { left, top, right, bottom }) =>
      [left, top, right, bottom].map((share) => share.toFixed(6)).join(",");
    if (pictures.some(({ part }) => part))
      for (const { part } of pictures) options.append("rectangle", sidesOf(part ?? whole));
    if (pictures[0].row !== undefined) return fetch(`/similar/${pictures[0].row}?${options}`);
    if (pictures.length > 1) options.append("together", "1");
    const body = new FormData();
    for (const { file } of pictures) if (file) body.append("image", file, "image");
    return fetch(`/search?${options}`, { method: "POST", body });
  };

  /** Returns what is said above hits. */
  const textOf = (
    /** @type {Query} */ { pictures },
    /** @type {number} */ hits,
    /** @type {number} */ ms,
  ) => {
    const some = state.isBusy
      ? `the ${number(state.images)} photos so far`
      : `${number(state.images)} images`;
    const noVerdict = state.hasVerdict ? ", without a verdict: it is measured with single images" : "";
    const isLimited = conditions.typed().length > 0;
    if (isLimited && hits === 0) return "No image meets the conditions.";
    const met = isLimited ? " that meet the conditions" : "";
    const together = pictures.length > 1 ? ` · ${pictures.length} images as one query${noVerdict}` : "";
    return `${number(hits)} nearest of ${some}${met}, in ${number(ms)} ms${together}`;
  };

  /** Searches with the current query. */
  const search = async () => {
    if (!current) return;
    const [query, search] = [current, ++searches];
    const startedAtMs = performance.now();
    ask.dataset.busy = "true";
    error.textContent = "";
    status.textContent = "Searching …";
    let [text, problem] = ["", ""];
    let isNothing = false;
    /** @type {FoundRow[]} */
    let items = [];
    try {
      const response = await send(query);
      const body = await response.json();
      if (response.ok) {
        items = body.neighbours;
        isNothing = items.length > 0 && items.every(({ verdict }) => verdict && !verdict.isSame);
        text = textOf(query, items.length, Math.round(performance.now() - startedAtMs));
      } else if (response.status === 503) problem = `Not now: ${body.error}.`;
      else if (response.status === 400) problem = `This search cannot be made: ${body.error}.`;
      else problem = `This image cannot be used for a search: ${body.error}.`;
      isTooEarly = response.status === 503 && state.images === 0;
    } catch {
      problem = "The service does not answer. Is it still running?";
    }
    if (search !== searches) return;
    delete ask.dataset.busy;
    [status.textContent, error.textContent] = [text, problem];
    if (isNothing) {
      const words = document.createElement("b");
      words.textContent = "Nothing alike in this index";
      status.prepend(words, " · ");
    }
    showCards(items.map(cards.hit));
  };

  /** Shows a query and searches with it; undefined is the start. */
  const show = (/** @type {Query | undefined} */ query) => {
    current = query;
    panel.show(query);
    const words = trail.backWords();
    const { activeElement } = document;
    const hadFocus = activeElement === back || found.contains(activeElement);
    back.hidden = words === undefined;
    back.textContent = words ?? "";
    // The element with the focus goes: the keyboard goes on next to the query.
    if (hadFocus) (words ? back : query ? get("frame") : file).focus({ preventScroll: true });
    void (query ? search() : showSamples());
  };

  const begin = (/** @type {import("./search_query.js").Picture[]} */ pictures) => {
    const query = { pictures, shown: 0 };
    trail.add(query);
    show(query);
  };

  const cards = parts.cards((item) => {
    const [address, name] = [item.image, `like ${cards.titleOf(item)}`];
    begin([{ address, name, row: item.row, part: null }]);
    scrollTo({ top: 0, behavior: "smooth" });
  });
  const panel = parts.query(parts.rectangle, () => void search());
  const conditions = parts.conditions(() => void search());
  const trail = parts.trail(show);
  const state = parts.state(async (now, before) => {
    conditions.offer(now.columns);
    if (isTooEarly ? now.images > 0 : before.isBusy && !now.isBusy) void search();
    const isChanged = before.images !== now.images || before.isBusy;
    if (!current && isChanged) await showSamples();
  });

  const take = (/** @type {FileList | null | undefined} */ files) => {
    if (!files || files.length === 0) return;
    if (files.length > state.maxImages) {
      error.textContent = `At most ${state.maxImages} images in a search, please: these were ${files.length}.`;
      return;
    }
    begin(
      Array.from(files, (file) => ({
        address: URL.createObjectURL(file),
        name: file.name,
        file,
        part: null,
      })),
    );
  };

  file.onchange = () => {
    take(file.files);
    file.value = "";
  };
  count.onchange = () => void search();
  back.onclick = () => trail.back();
  document.onkeydown = ({ key }) => {
    if (key === "Escape") panel.clearPart();
  };
  document.onpaste = (event) => take(event.clipboardData?.files);
  document.ondragover = (event) => {
    event.preventDefault();
    ask.dataset.over = "true";
  };
  document.ondragleave = (event) => {
    if (event.relatedTarget === null) delete ask.dataset.over;
  };
  document.ondrop = (event) => {
    event.preventDefault();
    delete ask.dataset.over;
    take(event.dataTransfer?.files);
  };
}
