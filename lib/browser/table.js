// A table of a notebook: sorts on a click on a header, has pages, and can be searched.

/** @typedef {import("../notebook/output/table_html").TablePage} TablePage */

/**
 * What a table of a widget does with its rows, which are named by their index.
 * @typedef {object} TableRows
 * @property {(row: number) => boolean} isTicked
 * @property {(rows: number[], isTicked: boolean) => void} tick called when a person ticks rows, or takes ticks away
 * @property {(row: number) => void} open called for a click on a row
 */

/**
 * Adds sorting, pages and search to the plain table in an element; with `use`, rows can be ticked and opened.
 * @param {HTMLElement} around
 * @param {TablePage} page
 * @param {TableRows} [use]
 * @returns {{ draw(): void, found(): number[] }} draws the page again; returns the found rows in their order
 */
export default function liveTable(around, page, use) {
  const { rows, numbers, right, marked, pageRows, size } = page;
  const table = /** @type {HTMLTableElement} */ (around.querySelector("table"));
  const [body] = table.tBodies;
  const headers = [.../** @type {HTMLTableSectionElement} */ (table.tHead).rows[0].cells];
  const everything = rows.map((_, row) => row);
  const lowerCase = rows.map((texts) => texts.join("\n").replaceAll("\u00a0", " ").toLowerCase());
  const collator = new Intl.Collator(undefined, { numeric: true });
  let sorting = { column: -1, direction: 1 };
  let [wanted, first] = ["", 0];

  const compare = (/** @type {number} */ a, /** @type {number} */ b) => {
    const { column, direction } = sorting;
    const [textA, textB] = [rows[a][column], rows[b][column]];
    if (textA === "" || textB === "") return Number(textA === "") - Number(textB === "");
    const values = numbers[column];
    if (values) return direction * (Number(values[a]) - Number(values[b]));
    return textA === textB ? 0 : direction * collator.compare(textA, textB);
  };

  let sorted = everything;
  const found = () => (wanted ? sorted.filter((row) => lowerCase[row].includes(wanted)) : sorted);

  /** Returns a checkbox in a cell. */
  const checkbox = (
    /** @type {HTMLElement} */ cell,
    /** @type {string} */ label,
    /** @type {(isTicked: boolean) => void} */ change,
  ) => {
    const box = cell.appendChild(document.createElement("input"));
    box.type = "checkbox";
    box.setAttribute("aria-label", label);
    box.onclick = (click) => click.stopPropagation();
    box.onchange = () => change(box.checked);
    return box;
  };

  /** Returns a text in pieces, between which a line may break: one with a long path after the path's signs. */
  const breakable = (/** @type {string} */ text) => {
    if (text.length <= page.shortCharacters || !/\S{17,}/.test(text)) return [text];
    return text.split(/(?<=[/_+.-])/).flatMap((piece) => [piece, document.createElement("wbr")]);
  };

  const rowElement = (/** @type {number} */ row) => {
    const line = document.createElement("tr");
    if (row === marked) line.style.fontWeight = "bold";
    if (use) {
      const change = (/** @type {boolean} */ isTicked) => use.tick([row], isTicked);
      checkbox(line.appendChild(document.createElement("td")), `tick ${rows[row][0]}`, change).checked =
        use.isTicked(row);
      line.style.cursor = "pointer";
      line.tabIndex = 0;
      line.onclick = () => use.open(row);
      line.onkeydown = ({ key, target }) => {
        if (key === "Enter" && target === line) use.open(row);
      };
    }
    for (const [column, text] of rows[row].entries()) {
      const cell = line.appendChild(document.createElement("td"));
      cell.append(...breakable(text));
      cell.style.textAlign = right[column] ? "right" : "left";
      if (text.length <= page.shortCharacters && !text.includes("\u00a0")) cell.style.whiteSpace = "nowrap";
    }
    return line;
  };

  const bar = document.createElement("div");
  bar.style.cssText = "display: flex; align-items: center; gap: 8px; margin: 6px 0 12px; opacity: .85";
  /**
   * @template {"button" | "input" | "span"} Tag
   * @param {Tag} tag
   * @param {string} label
   */
  const add = (tag, label) => {
    const element = bar.appendChild(document.createElement(tag));
    element.style.cssText = "font: inherit; color: inherit";
    if (tag !== "span") {
      element.style.cssText +=
        "; background: transparent; border: 1px solid rgba(128, 128, 128, .5); border-radius: 4px; padding: 1px 8px";
      element.setAttribute("aria-label", label);
    }
    return element;
  };
  /**
   * @param {string} text
   * @param {string} label
   * @param {(shown: number) => number} move maps the number of found rows to the first shown row
   */
  const pages = (text, label, move) => {
    const button = add("button", label);
    button.textContent = text;
    button.onclick = () => {
      first = move(found().length);
      draw();
    };
    return button;
  };
  const search = add("input", "search the table");
  search.placeholder = "search";
  search.oninput = () => {
    [wanted, first] = [search.value.toLowerCase(), 0];
    draw();
  };
  const lastPage = (/** @type {number} */ shown) => Math.max(0, Math.ceil(shown / pageRows) - 1) * pageRows;
  const back = [
    pages("«", "first page", () => 0),
    pages("‹", "page before", () => Math.max(0, first - pageRows)),
  ];
  const where = add("span", "");
  const on = [pages("›", "next page", () => first + pageRows), pages("»", "last page", lastPage)];

  const tickAll =
    use &&
    checkbox(
      /** @type {HTMLTableSectionElement} */ (table.tHead).rows[0].insertBefore(
        document.createElement("th"),
        headers[0],
      ),
      "tick all found rows",
      (isTicked) => use.tick(found(), isTicked),
    );
  const draw = (startMs = performance.now()) => {
    const all = found();
    const shown = all.slice(first, first + pageRows);
    body.replaceChildren(...shown.map(rowElement));
    const range = shown.length > 0 ? `${first + 1}–${first + shown.length} of ` : "";
    const count = wanted ? `${all.length.toLocaleString("en-US")} found in ${size}` : size;
    where.textContent = range + count;
    if (use && tickAll) {
      tickAll.checked = all.length > 0 && all.every(use.isTicked);
      where.textContent += ` · drawn in ${Math.round(performance.now() - startMs)} ms`;
    }
    for (const button of back) button.disabled = first === 0;
    for (const button of on) button.disabled = first + pageRows >= all.length;
    for (const button of [...back, ...on]) button.style.opacity = button.disabled ? ".4" : "1";
    markSorting();
  };

  const markSorting = () => {
    for (const [column, header] of headers.entries()) {
      const isSorted = column === sorting.column;
      const [sign, name] = sorting.direction > 0 ? ["▲", "ascending"] : ["▼", "descending"];
      const mark = /** @type {HTMLElement} */ (header.lastElementChild);
      mark.textContent = isSorted ? sign : "↕";
      mark.style.opacity = isSorted ? "1" : ".3";
      header.setAttribute("aria-sort", isSorted ? name : "none");
    }
  };

  for (const [column, header] of headers.entries()) {
    const sign = header.appendChild(document.createElement("span"));
    sign.style.cssText = "display: inline-block; width: 1.1em; text-align: right; font-weight: normal";
    header.title = "sort";
    header.style.cssText += "; cursor: pointer; white-space: nowrap; user-select: none";
    header.onclick = () => {
      const again = sorting.column === column;
      if (again && sorting.direction < 0) sorting = { column: -1, direction: 1 };
      else sorting = { column, direction: again ? -1 : 1 };
      const startMs = performance.now();
      first = 0;
      sorted = sorting.column < 0 ? everything : [...everything].sort(compare);
      draw(startMs);
    };
  }
  if (rows.length > pageRows || use) {
    if (table.nextElementSibling?.tagName === "P") table.nextElementSibling.remove();
    table.after(bar);
  }
  draw();
  return { draw, found };
}
