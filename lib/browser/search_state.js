// The head of the page of `guie serve`: how the index is searched, and the photos that are there and to come.

/**
 * @typedef {object} Photos
 * @property {number} total
 * @property {number} done
 * @property {boolean} busy
 * @property {number} embedded
 * @property {number} leftOut
 * @property {{ file: string, reason: string }[]} leftOutFiles
 * @property {string | null} problem
 */

/** @typedef {{ falseAccepts?: number, lack?: string } | null} VerdictHealth */

/**
 * The state of the service as the page needs it.
 * @typedef {{ images: number, isBusy: boolean, hasVerdict: boolean, maxImages: number, columns: string[] }} ServiceState
 */

/**
 * Shows the state of the service, and looks again while photos are embedded.
 * @param {(now: ServiceState, before: ServiceState) => void | Promise<void>} onLook called after every look
 * @returns {ServiceState} kept up to date
 */
export default function searchState(onLook) {
  const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const progress = /** @type {HTMLProgressElement} */ (get("progress"));
  const reload = /** @type {HTMLButtonElement} */ (get("reload"));
  const [about, coming, leftOut] = [get("about"), get("coming"), get("left_out")];
  const lookMs = 1000;
  const number = (/** @type {number} */ value) => value.toLocaleString("en-US");
  /** @type {ServiceState} */
  const state = { images: 0, isBusy: false, hasVerdict: false, maxImages: 1, columns: [] };

  const make = (/** @type {string} */ tag, /** @type {string} */ className, text = "") => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  };

  /** Shows the photos that are there, those to come, and the files that are left out. */
  const showPhotos = (/** @type {Photos} */ photos) => {
    get("photos").hidden = false;
    reload.disabled = photos.busy;
    progress.hidden = !photos.busy;
    [progress.max, progress.value] = [Math.max(1, photos.total), photos.done];
    coming.textContent = photos.busy
      ? `${number(state.images)} of ${number(photos.total)} photos so far`
      : (photos.problem ?? `${number(state.images)} photos, ${number(photos.embedded)} newly embedded`);
    leftOut.hidden = photos.leftOut === 0;
    const list = make("ul", "");
    list.replaceChildren(
      ...photos.leftOutFiles.map(({ file, reason }) => make("li", "", `${file}: ${reason}`)),
    );
    const files =
      photos.leftOut === 1 ? "1 file is left out" : `${number(photos.leftOut)} files are left out`;
    leftOut.replaceChildren(make("summary", "", files), list);
  };

  /** Returns how rows are searched: whitened and re-ranked or not. */
  const searchParts = (/** @type {{ whitened: number | null, rerank: string[] }} */ { whitened, rerank }) => {
    const methods = rerank.filter((name) => name !== "whiten");
    return [
      whitened === null ? "not whitened" : "whitened by the photos",
      methods.length === 0 ? "not re-ranked" : `re-ranked by ${methods.join(", ")}`,
    ];
  };

  /** Returns what is said about the verdict: its promise, or why there is none. */
  const verdictPart = (/** @type {VerdictHealth} */ verdict) => {
    if (!verdict) return "no verdict before all photos are there";
    if (verdict.falseAccepts === undefined) return verdict.lack ?? "no verdict";
    return `same object: ${Number((100 * verdict.falseAccepts).toPrecision(2))} % false accepts`;
  };

  const look = async () => {
    const response = await fetch("/health");
    const { run, index, search, limits } = await response.json();
    const before = { ...state };
    state.images = index.images;
    state.isBusy = index.photos?.busy === true;
    state.hasVerdict = index.verdict?.falseAccepts !== undefined;
    state.maxImages = limits.maxImages;
    state.columns = index.columns;
    const recall = search.kind === "exact" ? "" : `, recall@5 ${search.recallAt5.toFixed(2)}`;
    const parts = [
      ...(index.photos ? [] : [`${number(state.images)} images`]),
      index.name,
      `model ${run}`,
      `${search.kind} search${recall}`,
      ...searchParts(index),
      verdictPart(index.verdict),
    ];
    about.replaceChildren(...parts.map((part) => make("span", "part", part)));
    if (index.photos) showPhotos(index.photos);
    await onLook(state, before);
    if (state.isBusy) setTimeout(() => void look(), lookMs);
  };

  reload.onclick = async () => {
    reload.disabled = true;
    await fetch("/reload", { method: "POST" });
    await look();
  };

  void look();
  return state;
}
