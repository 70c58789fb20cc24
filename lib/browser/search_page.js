// The page of `guie serve`: searches with an image that is chosen, dropped or pasted, and shows the results.

/** @typedef {import("../serving/found_row").FoundRow} FoundRow */
/** @typedef {import("../serving/found_row").IndexRow} IndexRow */
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

/** Attaches the page's behaviour. */
export default function searchPage() {
  const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const file = /** @type {HTMLInputElement} */ (get("file"));
  const count = /** @type {HTMLSelectElement} */ (get("count"));
  const preview = /** @type {HTMLImageElement} */ (get("preview"));
  const [ask, asked, about] = [get("ask"), get("asked"), get("about")];
  const [status, error, found] = [get("status"), get("error"), get("found")];
  const progress = /** @type {HTMLProgressElement} */ (get("progress"));
  const reload = /** @type {HTMLButtonElement} */ (get("reload"));
  const [coming, leftOut] = [get("coming"), get("left_out")];
  const number = (/** @type {number} */ value) => value.toLocaleString("en-US");
  const LOOK_MS = 1000;
  let images = 0;
  let isBusy = false;
  /** True if the last search came before the first photos: it is repeated. */
  let isTooEarly = false;
  /** Count of searches: only the last one may show its answer. */
  let searches = 0;
  /** @type {(() => void) | undefined} */
  let again;

  /**
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {Tag} tag
   * @param {string} className
   */
  const make = (tag, className, text = "") => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  };

  const titleOf = (/** @type {IndexRow} */ { name, label, file }) =>
    name ?? (label === null ? file.slice(file.lastIndexOf("/") + 1) : `class ${label}`);

  /**
   * Makes a button with a picture of the index; a click searches with it.
   * @param {IndexRow} item
   * @param {string} label
   */
  const pictureButton = (item, label) => {
    const button = make("button", "card");
    button.setAttribute("aria-label", label);
    button.title = item.file;
    const picture = button.appendChild(make("span", "picture")).appendChild(make("img", ""));
    picture.alt = "";
    picture.src = item.image;
    button.onclick = () => searchRow(item);
    return button;
  };

  const card = (/** @type {FoundRow} */ item, /** @type {number} */ rank) => {
    const [title, score] = [titleOf(item), item.score.toFixed(2)];
    const itself = item.isQuery ? "this very photo" : "";
    const same = item.verdict?.isSame ? `same object, ${Math.floor(100 * item.verdict.probability)} %` : "";
    const label = `${rank + 1}: ${[title, itself, same].filter(Boolean).join(", ")}, similarity ${score}. Find more like it`;
    const button = pictureButton(item, label);
    if (itself) button.appendChild(make("span", "itself", itself));
    else if (same) button.appendChild(make("span", "itself", same));
    button.appendChild(make("span", "name", title));
    const line = button.appendChild(make("span", "score"));
    const bar = line.appendChild(make("span", "bar")).appendChild(make("span", ""));
    bar.style.width = `${Math.max(0, 100 * item.score)}%`;
    line.appendChild(make("span", "value", score));
    return button;
  };

  const showCards = (/** @type {HTMLElement[]} */ cards) => {
    const lines = cards.map((card) => {
      const line = make("li", "");
      line.appendChild(card);
      return line;
    });
    found.replaceChildren(...lines);
  };

  /** Shows a sample of the index before the first search. */
  const showSamples = async () => {
    const response = await fetch("/samples");
    const { rows } = /** @type {{ rows: IndexRow[] }} */ (await response.json());
    if (searches > 0 || rows.length === 0) return;
    status.textContent = "Or start with one of these:";
    showCards(rows.map((row) => pictureButton(row, `Find images like ${titleOf(row)}`)));
  };

  const show = async (/** @type {() => Promise<Response>} */ request) => {
    const search = ++searches;
    const startedAtMs = performance.now();
    again = () => void show(request);
    ask.dataset.busy = "true";
    error.textContent = "";
    status.textContent = "Searching …";
    let [text, problem] = ["", ""];
    let isNothing = false;
    /** @type {FoundRow[]} */
    let items = [];
    try {
      const response = await request();
      const body = await response.json();
      if (response.ok) {
        items = body.neighbours;
        const elapsedMs = Math.round(performance.now() - startedAtMs);
        const some = isBusy ? `the ${number(images)} photos so far` : `${number(images)} images`;
        isNothing = items.length > 0 && items.every(({ verdict }) => verdict && !verdict.isSame);
        text = `${number(items.length)} nearest of ${some}, in ${number(elapsedMs)} ms`;
      } else if (response.status === 503) problem = `Not now: ${body.error}.`;
      else problem = `This image cannot be used for a search: ${body.error}.`;
      isTooEarly = response.status === 503 && images === 0;
    } catch {
      problem = "The service does not answer. Is it still running?";
    }
    if (search !== searches) return;
    delete ask.dataset.busy;
    [status.textContent, error.textContent] = [text, problem];
    if (isNothing) status.prepend(make("b", "", "Nothing alike in this index"), " · ");
    showCards(items.map(card));
  };

  const picture = (/** @type {string} */ address, /** @type {string} */ name) => {
    if (preview.src.startsWith("blob:")) URL.revokeObjectURL(preview.src);
    ask.dataset.asked = "true";
    preview.hidden = false;
    preview.src = address;
    asked.textContent = name;
  };

  const searchFile = (/** @type {File} */ image) => {
    picture(URL.createObjectURL(image), image.name);
    const request = () => {
      const body = new FormData();
      body.append("image", image, "image");
      return fetch(`/search?k=${count.value}`, { method: "POST", body });
    };
    void show(request);
  };

  const searchRow = (/** @type {IndexRow} */ item) => {
    picture(item.image, `like ${titleOf(item)}`);
    scrollTo({ top: 0, behavior: "smooth" });
    void show(() => fetch(`/similar/${item.row}?k=${count.value}`));
  };

  const take = (/** @type {FileList | null | undefined} */ files) => {
    if (!files || files.length === 0) return;
    if (files.length === 1) return searchFile(files[0]);
    error.textContent = `One image at a time, please: these were ${files.length}.`;
  };

  preview.onerror = () => {
    preview.hidden = true; // not an image, or a format that the browser does not show
  };
  file.onchange = () => {
    take(file.files);
    file.value = "";
  };
  count.onchange = () => again?.();
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

  /** Shows the photos that are there, those to come, and the files that are left out. */
  const showPhotos = (/** @type {Photos} */ photos) => {
    get("photos").hidden = false;
    reload.disabled = photos.busy;
    progress.hidden = !photos.busy;
    [progress.max, progress.value] = [Math.max(1, photos.total), photos.done];
    coming.textContent = photos.busy
      ? `${number(images)} of ${number(photos.total)} photos so far`
      : (photos.problem ?? `${number(images)} photos, ${number(photos.embedded)} newly embedded`);
    leftOut.hidden = photos.leftOut === 0;
    const list = make("ul", "");
    list.replaceChildren(
      ...photos.leftOutFiles.map(({ file, reason }) => make("li", "", `${file}: ${reason}`)),
    );
    const files =
      photos.leftOut === 1 ? "1 file is left out" : `${number(photos.leftOut)} files are left out`;
    leftOut.replaceChildren(make("summary", "", files), list);
  };

  /** Returns what is said about the verdict: its promise, or why there is none. */
  const verdictParts = (/** @type {{ falseAccepts?: number, lack?: string } | null} */ verdict) => {
    if (!verdict) return [];
    if (verdict.falseAccepts === undefined) return [verdict.lack ?? ""];
    return [`same object: ${Number((100 * verdict.falseAccepts).toPrecision(2))} % false accepts`];
  };

  /** Shows the state of the service; looks again while photos are embedded. */
  const look = async () => {
    const response = await fetch("/health");
    const { run, index, search } = await response.json();
    const isChanged = images !== index.images || isBusy;
    const wasBusy = isBusy;
    images = index.images;
    isBusy = index.photos?.busy === true;
    const recall = search.kind === "exact" ? "" : `, recall@5 ${search.recallAt5.toFixed(2)}`;
    const parts = [
      ...(index.photos ? [] : [`${number(images)} images`]),
      index.name,
      `model ${run}`,
      `${search.kind} search${recall}`,
      ...(index.whitened === null ? [] : ["whitened by the photos"]),
      ...verdictParts(index.verdict),
    ];
    about.replaceChildren(...parts.map((part) => make("span", "part", part)));
    if (index.photos) showPhotos(index.photos);
    if (isTooEarly ? images > 0 : wasBusy && !isBusy) again?.();
    if (searches === 0 && isChanged) await showSamples();
    if (isBusy) setTimeout(() => void look(), LOOK_MS);
  };

  reload.onclick = async () => {
    reload.disabled = true;
    await fetch("/reload", { method: "POST" });
    await look();
  };

  void look();
}
