// The page of `guie inspect`: shows the report's sections, and collects rows of exclude.csv and relabel.csv by clicks.

/** @typedef {import("../inspection/report_page").PageData} PageData */
/** @typedef {import("../inspection/report_sections").Section} Section */
/** @typedef {import("../inspection/report_sections").CardPicture} CardPicture */

/** Fills the page from its data. */
export default function inspectPage() {
  const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  /** @type {PageData} */
  const data = JSON.parse(get("data").textContent ?? "");
  /** Photos to leave out, with the reason. @type {Map<string, string>} */
  const out = new Map();
  /** Photos of another class, with its name. @type {Map<string, string>} */
  const moved = new Map();
  /** @type {(() => void)[]} */
  const updates = [];

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

  /** Quotes a cell, after an apostrophe if a spreadsheet would run it. @param {string} text */
  const cell = (text) => {
    const safe = /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const path = (/** @type {string} */ image) => cell(/^'*[=+\-@\t\r]/.test(image) ? `./${image}` : image);

  /** @param {string} header @param {Map<string, string>} rows */
  const csvOf = (header, rows) =>
    `${[header, ...Array.from(rows, ([image, text]) => `${path(image)},${cell(text)}`)].join("\n")}\n`;

  const update = () => {
    for (const each of updates) each();
    const footer = get("collected");
    footer.hidden = out.size + moved.size === 0;
    footer.replaceChildren(
      collected("exclude.csv", csvOf("image_files,reason", out), out.size),
      collected("relabel.csv", csvOf("image_files,class_name", moved), moved.size),
      make(
        "p",
        "",
        "Put them into the data directory, next to csv/: the next merge leaves out and relabels these photos.",
      ),
    );
  };

  /** @param {string} name @param {string} text @param {number} count */
  const collected = (name, text, count) => {
    const part = make("div", "");
    if (count === 0) return part;
    part.appendChild(make("b", "", `${name}: ${count} `));
    const area = make("textarea", "");
    area.value = text;
    area.readOnly = true;
    area.setAttribute("aria-label", name);
    const save = part.appendChild(make("button", "", `Save ${name}`));
    save.onclick = () => {
      const link = make("a", "");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
    };
    const copy = part.appendChild(make("button", "", "Copy"));
    copy.onclick = () => {
      area.select();
      document.execCommand("copy"); // also in a page from a file, where navigator.clipboard may be refused
    };
    part.appendChild(area);
    return part;
  };

  /**
   * Makes a button that puts a photo into a list, or takes it out.
   * @param {string} text
   * @param {Map<string, string>} list
   * @param {Map<string, string>} other
   * @param {string} image
   * @param {string} value
   */
  const toggle = (text, list, other, image, value) => {
    const button = make("button", "", text);
    updates.push(() => button.setAttribute("aria-pressed", String(list.has(image))));
    button.onclick = () => {
      if (!list.delete(image)) list.set(image, value);
      other.delete(image);
      update();
    };
    return button;
  };

  /** @param {CardPicture} picture @param {string} reason */
  const figure = ({ image, note, relabelTo, isLeftOut }, reason) => {
    const box = make("figure", "");
    const thumb = data.thumbs[image];
    if (thumb === undefined) box.appendChild(make("div", "broken", "no picture"));
    else {
      const shown = box.appendChild(make("img", ""));
      shown.src = thumb;
      shown.alt = image;
    }
    box.title = image;
    box.appendChild(make("div", "", image));
    if (note !== "") box.appendChild(make("div", "", note));
    if (isLeftOut) return box;
    box.appendChild(toggle("leave out", out, moved, image, reason));
    if (relabelTo !== undefined) box.appendChild(toggle(`is ${relabelTo}`, moved, out, image, relabelTo));
    updates.push(() => {
      box.className = out.has(image) ? "out" : moved.has(image) ? "moved" : "";
    });
    return box;
  };

  /** @param {Section} section */
  const tableOf = ({ columns, rows }) => {
    const details = make("details", "");
    details.appendChild(make("summary", "", `table: ${rows.length} ${rows.length === 1 ? "row" : "rows"}`));
    const table = details.appendChild(make("table", ""));
    const head = table.appendChild(make("tr", ""));
    for (const column of columns) head.appendChild(make("th", "", column));
    for (const row of rows) {
      const line = table.appendChild(make("tr", ""));
      for (const value of row) line.appendChild(make("td", "", String(value)));
    }
    return details;
  };

  const labelled = data.classes > 0 ? ` in ${data.classes} classes` : "";
  get("about").textContent = `${data.photos} photos${labelled}, ${data.folder}`;
  for (const section of data.sections) {
    const box = get("sections").appendChild(make("section", ""));
    box.id = section.name;
    const count = `${section.title}: ${section.rows.length}`;
    const link = get("contents").appendChild(make("a", "", count));
    link.href = `#${section.name}`;
    box.appendChild(make("h2", "", count));
    if (section.rows.length === 0) {
      box.appendChild(make("p", "", "None found."));
      continue;
    }
    box.appendChild(make("p", "", `${section.text} All rows: ${section.name}.csv`));
    const cards = box.appendChild(make("div", "cards"));
    for (const { text, pictures } of section.cards) {
      const card = cards.appendChild(make("div", "card"));
      card.appendChild(make("p", "", text));
      const row = card.appendChild(make("div", "pictures"));
      for (const picture of pictures) row.appendChild(figure(picture, section.title));
    }
    box.appendChild(tableOf(section));
  }
  update();
}
