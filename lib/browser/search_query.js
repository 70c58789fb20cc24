// The query on the page of `guie serve`: one picture or several, the one that is shown large, and the rectangle on it.

/** @typedef {import("./search_rectangle.js").Part} Part */

/**
 * A picture of a query: a file of the reader, or a row of the index.
 * @typedef {object} Picture
 * @property {string} address of the picture, for the page
 * @property {string} name
 * @property {Part | null} part the rectangle that is searched alone
 * @property {File} [file]
 * @property {number} [row]
 */

/**
 * A query, and the place of the picture that is shown large.
 * @typedef {{ pictures: Picture[], shown: number }} Query
 */

/**
 * Returns the part of the page that shows a query.
 * @param {typeof import("./search_rectangle.js").default} searchRectangle
 * @param {() => void} onChange called when a rectangle of the query has changed
 * @returns {{ show(query: Query | undefined): void, clearPart(): void }}
 */
export default function searchQuery(searchRectangle, onChange) {
  const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const preview = /** @type {HTMLImageElement} */ (get("preview"));
  const [ask, panel, frame, unseen] = [get("ask"), get("query"), get("frame"), get("unseen")];
  const [pictures, asked, button, keys] = [get("pictures"), get("asked"), get("part"), get("keys")];
  const settleMs = 200;
  /** @type {Query | undefined} */
  let query;
  let settling = 0;

  const percent = (/** @type {number} */ share) => `${Math.round(100 * share)} %`;
  const wordsOf = (/** @type {Picture} */ { name, part }) =>
    part
      ? `${name}: ${percent(part.right - part.left)} × ${percent(part.bottom - part.top)} of it, from ${percent(part.left)}, ${percent(part.top)}`
      : name;

  /** Shows the words and buttons that depend on the rectangles. */
  const showParts = () => {
    if (!query) return;
    const shown = query.pictures[query.shown];
    asked.textContent = wordsOf(shown);
    button.textContent = shown.part ? "Whole image (Esc)" : "Search a part";
    for (const [i, small] of pictures.querySelectorAll("button").entries()) {
      const { name, part } = query.pictures[i];
      small.classList.toggle("cut", part !== null);
      const what = `Image ${i + 1} of ${query.pictures.length}: ${name}${part ? ", a part of it" : ""}`;
      small.setAttribute("aria-label", what);
      small.setAttribute("aria-pressed", String(i === query.shown));
    }
  };

  const rectangle = searchRectangle(frame, preview, (part) => {
    if (!query) return;
    query.pictures[query.shown].part = part;
    showParts();
    clearTimeout(settling);
    settling = setTimeout(onChange, settleMs); // several steps of the keyboard are one search
  });

  /** Shows one of the query's pictures large. */
  const select = (/** @type {number} */ place) => {
    if (!query) return;
    query.shown = place;
    const { address, part } = query.pictures[place];
    if (preview.getAttribute("src") !== address) preview.src = address;
    rectangle.show(part);
    showParts();
  };

  const smallPicture = (/** @type {Picture} */ { address }, /** @type {number} */ place) => {
    const line = document.createElement("li");
    const small = line.appendChild(document.createElement("button"));
    small.type = "button";
    const picture = small.appendChild(document.createElement("img"));
    picture.alt = "";
    picture.src = address;
    small.onclick = () => select(place);
    return line;
  };

  preview.onload = () => {
    const { naturalWidth, naturalHeight } = preview;
    frame.style.aspectRatio = `${naturalWidth} / ${naturalHeight}`;
    frame.style.width = `min(100%, ${naturalWidth / naturalHeight} * var(--stage))`;
    showSeen(true);
  };
  preview.onerror = () => showSeen(false); // not an image, or a format that the browser does not show
  const showSeen = (/** @type {boolean} */ isSeen) => {
    frame.hidden = button.hidden = keys.hidden = !isSeen;
    unseen.hidden = isSeen;
  };

  button.onclick = () => {
    if (query?.pictures[query.shown].part) rectangle.clear();
    else rectangle.start();
  };

  return {
    show(next) {
      clearTimeout(settling);
      query = next;
      panel.hidden = !query;
      delete ask.dataset.asked;
      if (!query) return;
      ask.dataset.asked = "true";
      pictures.hidden = query.pictures.length === 1;
      pictures.replaceChildren(...(pictures.hidden ? [] : query.pictures.map(smallPicture)));
      select(query.shown);
    },
    clearPart: () => rectangle.clear(),
  };
}
