// A table of a notebook: sorts on a click on a header, has pages, and can be searched.

/** @typedef {import("../notebook/output/table_html").TablePage} TablePage */

/**
 * Adds sorting, pages and search to the plain table in an element.
 * @param {HTMLElement} around
 * @param {TablePage} page
 */
export default function liveTable(around, page) {
  const { rows, numbers, marked, pageRows, size } = page;
  const table = /** @type {HTMLTableElement} */ (around.querySelector("table"));
  const [body] = table.tBodies;
  const headers = [.../** @type {HTMLTableSectionElement} */ (table.tHead).rows[0].cells];
  const everything = rows.map((_, row) => row);
  const collator = new Intl.Collator(undefined, { numeric: true });
  let sorting = { column: -1, direction: 1 };
  let [wanted, first] = ["", 0];

  const compare = (/** @type {number} */ a, /** @type {number} */ b) => {
    const { column, direction } = sorting;
    const [isGapA, isGapB] = [a, b].map((row) => rows[row][column] === "");
    if (isGapA || isGapB) return Number(isGapA) - Number(isGapB);
    const values = numbers[column];
    const order = values
      ? Number(values[a]) - Number(values[b])
      : collator.compare(rows[a][column], rows[b][column]);
    return direction * order;
  };

  const found = () => {
    const matching = everything.filter((row) =>
      rows[row].some((text) => text.toLowerCase().includes(wanted)),
    );
    return sorting.column < 0 ? matching : matching.sort(compare);
  };

  const rowElement = (/** @type {number} */ row) => {
    const line = document.createElement("tr");
    if (row === marked) line.style.fontWeight = "bold";
    for (const [column, text] of rows[row].entries()) {
      const cell = line.appendChild(document.createElement("td"));
      cell.textContent = text;
      cell.style.textAlign = numbers[column] ? "right" : "left";
      if (text.length <= page.shortCharacters) cell.style.whiteSpace = "nowrap";
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

  const draw = () => {
    const all = found();
    const shown = all.slice(first, first + pageRows);
    body.replaceChildren(...shown.map(rowElement));
    const range = shown.length > 0 ? `${first + 1}–${first + shown.length} of ` : "";
    const count = wanted ? `${all.length.toLocaleString("en-US")} found in ${size}` : size;
    where.textContent = range + count;
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
      first = 0;
      draw();
    };
  }
  if (rows.length > pageRows) {
    if (table.nextElementSibling?.tagName === "P") table.nextElementSibling.remove();
    table.after(bar);
  }
  draw();
}
