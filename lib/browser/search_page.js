// The page of `guie serve`: searches with an image that is chosen, dropped or pasted, and shows the results.

/** @typedef {import("../serving/found_row").FoundRow} FoundRow */

/** Attaches the page's behaviour. */
export default function searchPage() {
  const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const file = /** @type {HTMLInputElement} */ (get("file"));
  const count = /** @type {HTMLSelectElement} */ (get("count"));
  const preview = /** @type {HTMLImageElement} */ (get("preview"));
  const [ask, asked, about] = [get("ask"), get("asked"), get("about")];
  const [status, error, found] = [get("status"), get("error"), get("found")];
  const number = (/** @type {number} */ value) => value.toLocaleString("en-US");
  const SAMPLES = 15;
  let images = 0;
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

  const titleOf = (/** @type {FoundRow} */ { name, label, file }) =>
    name ?? (label === null ? file.slice(file.lastIndexOf("/") + 1) : `class ${label}`);

  /**
   * Makes a button with a picture of the index; a click searches with it.
   * @param {number} row
   * @param {string} address
   * @param {string} title
   * @param {string} label
   */
  const pictureButton = (row, address, title, label) => {
    const button = make("button", "card");
    button.setAttribute("aria-label", label);
    const picture = button.appendChild(make("span", "picture")).appendChild(make("img", ""));
    picture.alt = "";
    picture.src = address;
    button.onclick = () => searchRow(row, address, title);
    return button;
  };

  const card = (/** @type {FoundRow} */ item, /** @type {number} */ rank) => {
    const [title, score] = [titleOf(item), item.score.toFixed(2)];
    const label = `${rank + 1}: ${title}, similarity ${score}. Find more like it`;
    const button = pictureButton(item.row, item.image, title, label);
    button.title = item.file;
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
  const showSamples = (/** @type {string} */ version) => {
    const some = Math.min(SAMPLES, images);
    status.textContent = "Or start with one of these:";
    const rows = Array.from({ length: some }, (_, i) => Math.floor((i * images) / some));
    showCards(
      rows.map((row) =>
        pictureButton(row, `/image/${row}?v=${version}`, `image ${row}`, `Find images like image ${row}`),
      ),
    );
  };

  const show = async (/** @type {() => Promise<Response>} */ request) => {
    const search = ++searches;
    const startedAtMs = performance.now();
    again = () => void show(request);
    ask.dataset.busy = "true";
    error.textContent = "";
    status.textContent = "Searching …";
    let [text, problem] = ["", ""];
    /** @type {FoundRow[]} */
    let items = [];
    try {
      const response = await request();
      const body = await response.json();
      if (response.ok) {
        items = body.neighbours;
        const elapsedMs = Math.round(performance.now() - startedAtMs);
        text = `${number(items.length)} nearest of ${number(images)} images, in ${number(elapsedMs)} ms`;
      } else problem = `This image cannot be used for a search: ${body.error}.`;
    } catch {
      problem = "The service does not answer. Is it still running?";
    }
    if (search !== searches) return;
    delete ask.dataset.busy;
    [status.textContent, error.textContent] = [text, problem];
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

  /**
   * @param {number} row
   * @param {string} address
   * @param {string} title
   */
  const searchRow = (row, address, title) => {
    picture(address, `like ${title}`);
    scrollTo({ top: 0, behavior: "smooth" });
    void show(() => fetch(`/similar/${row}?k=${count.value}`));
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

  void fetch("/health")
    .then((response) => response.json())
    .then(({ run, index, search }) => {
      images = index.images;
      const recall = search.kind === "exact" ? "" : `, recall@5 ${search.recallAt5.toFixed(2)}`;
      const parts = [
        `${number(images)} images`,
        index.name,
        `model ${run}`,
        `${search.kind} search${recall}`,
      ];
      about.replaceChildren(...parts.map((part) => make("span", "part", part)));
      if (searches === 0) showSamples(index.version);
    });
}
