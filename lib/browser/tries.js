// The page's side of the table of tries (an anywidget): sorted on a click on a header, ticked rows are deleted.

/**
 * The part of anywidget's model that is used here.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(content: object) => void} send
 * @property {(event: string, handler: (...args: any[]) => void) => void} on
 * @property {(event: string, handler: (...args: any[]) => void) => void} off
 */

/**
 * Returns a run's name in pieces, between which a line may break: "demo_", "margin0.2_", "fine_", "tune".
 * @param {string} name
 * @returns {(string | HTMLElement)[]}
 */
function breakable(name) {
  const pieces = name.split(/(?<=_)|(?<=\.)(?=\D)/);
  return pieces.flatMap((piece) => [piece, document.createElement("wbr")]);
}

/**
 * Returns the widget.
 * @returns {{ render(context: { model: Model, el: HTMLElement }): () => void }}
 */
export default function tries() {
  return {
    render({ model, el }) {
      el.innerHTML = `
        <div class="guie-tries jp-RenderedHTMLCommon">
          <div class="around" style="overflow-x: auto"><table><thead><tr></tr></thead><tbody></tbody></table></div>
          <div style="display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 6px 0">
            <button class="jupyter-button delete" disabled>Delete the ticked</button>
            <span class="said" role="status"></span>
            <button class="jupyter-button mod-danger yes">Yes, delete</button>
            <button class="jupyter-button no">Keep</button>
          </div>
        </div>`;
      const find = (/** @type {string} */ name) => /** @type {any} */ (el.querySelector(name));
      const [remove, said, yes, no] = [".delete", ".said", ".yes", ".no"].map(find);
      /** @type {Set<string>} */
      const ticked = new Set();
      let sorting = { column: -1, direction: 1 };
      const make = (/** @type {string} */ tag, /** @type {string} */ text, /** @type {string} */ css) => {
        const element = document.createElement(tag);
        element.textContent = text;
        element.style.cssText = css;
        return element;
      };
      const asking = (/** @type {boolean} */ isAsking) => {
        for (const button of [yes, no]) button.style.display = isAsking ? "" : "none";
        remove.disabled = isAsking || ticked.size === 0;
      };

      const sorted = (/** @type {any[]} */ rows) => {
        const { column, direction } = sorting;
        if (column < 0) return rows;
        return [...rows].sort((a, b) => {
          if (a.texts[column] === "" || b.texts[column] === "")
            return Number(a.texts[column] === "") - Number(b.texts[column] === "");
          const [x, y] = [a.values[column], b.values[column]];
          const order =
            x !== null && y !== null
              ? x - y
              : a.texts[column].localeCompare(b.texts[column], undefined, { numeric: true });
          return direction * order;
        });
      };
      const draw = () => {
        const { columns, rows } = model.get("table");
        const names = new Set(rows.map((/** @type {any} */ row) => row.name));
        for (const name of ticked) if (!names.has(name)) ticked.delete(name);
        find("thead tr").replaceChildren(
          make("th", "", ""),
          ...columns.map((/** @type {string} */ column, /** @type {number} */ i) => {
            const mark = sorting.column === i ? (sorting.direction > 0 ? " ▲" : " ▼") : "";
            const header = make(
              "th",
              column + mark,
              "cursor: pointer; white-space: nowrap; text-align: left",
            );
            header.title = "sort";
            header.onclick = () => {
              const isAgain = sorting.column === i;
              sorting =
                isAgain && sorting.direction > 0
                  ? { column: -1, direction: 1 }
                  : { column: i, direction: isAgain ? 1 : -1 };
              draw();
            };
            return header;
          }),
        );
        find("tbody").replaceChildren(
          ...sorted(rows).map((row) => {
            const line = document.createElement("tr");
            const box = document.createElement("input");
            box.type = "checkbox";
            box.checked = ticked.has(row.name);
            box.setAttribute("aria-label", `tick ${row.name}`);
            box.onchange = () => {
              if (box.checked) ticked.add(row.name);
              else ticked.delete(row.name);
              said.textContent = "";
              asking(false);
            };
            line.append(make("td", "", ""));
            line.cells[0].append(box);
            const [name, ...others] = row.texts;
            const named = make("td", "", "text-align: left; max-width: 18em; overflow-wrap: break-word");
            named.append(...breakable(name));
            line.append(named);
            for (const [i, text] of others.entries()) {
              const side = row.values[i + 1] !== null ? "right" : "left";
              const width =
                text.length <= 16 ? "white-space: nowrap" : `min-width: ${text.length <= 24 ? 7 : 14}em`;
              line.append(make("td", text, `text-align: ${side}; ${width}`));
            }
            return line;
          }),
        );
        asking(false);
      };
      const answer = (/** @type {{ ask?: string, said?: string }} */ message) => {
        said.textContent = message.ask ?? message.said ?? "";
        asking(message.ask !== undefined);
      };
      remove.onclick = () => model.send({ kind: "plan", names: [...ticked] });
      yes.onclick = () => {
        model.send({ kind: "delete", names: [...ticked] });
        asking(false);
      };
      no.onclick = () => {
        said.textContent = "";
        asking(false);
      };
      model.on("change:table", draw);
      model.on("msg:custom", answer);
      draw();
      return () => {
        model.off("change:table", draw);
        model.off("msg:custom", answer);
      };
    },
  };
}
