// The page's side of a class report (an anywidget): a table with a row per class, whose rows are sorted, searched, ticked
// and opened; the kernel sends images and writes exclude.csv.

/** @typedef {import("../notebook/output/table_html").TablePage} TablePage */

/**
 * The part of anywidget's model that is used here.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(content: object) => void} send
 * @property {(event: string, handler: (...args: any[]) => void) => void} on
 * @property {(event: string, handler: (...args: any[]) => void) => void} off
 */

/**
 * Returns the widget.
 * @param {typeof import("./table").default} liveTable
 * @returns {{ render(context: { model: Model, el: HTMLElement }): () => void }}
 */
export default function classReport(liveTable) {
  /**
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {HTMLElement} parent
   * @param {Tag} tag
   * @param {string} [className]
   * @param {string} [text]
   */
  const add = (parent, tag, className = "", text = "") => {
    const element = parent.appendChild(document.createElement(tag));
    element.className = className;
    element.textContent = text;
    return element;
  };
  const addButton = (
    /** @type {HTMLElement} */ parent,
    /** @type {string} */ name,
    /** @type {string} */ text,
    /** @type {() => void} */ click,
  ) => {
    const button = add(parent, "button", `jupyter-button ${name}`, text);
    button.style.cssText = "width: auto; padding: 0 12px";
    button.onclick = click;
    return button;
  };

  /** Saves text as a file of the reader's machine. */
  const save = (/** @type {string} */ name, /** @type {string} */ text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
  };

  return {
    render({ model, el }) {
      const id = crypto.randomUUID();
      el.classList.add("jp-RenderedHTMLCommon"); // JupyterLab's style of tables
      const [summary, tail, classes] = ["summary", "tail", "classes"].map((name) => add(el, "div", name));
      for (const part of [summary, classes]) part.style.overflowX = "auto";
      const actions = add(el, "div", "actions");
      actions.style.cssText = "display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 4px 0";
      const confirm = add(el, "div", "confirm");
      confirm.setAttribute("role", "status");
      const images = add(el, "div", "images");
      images.style.marginTop = "8px";

      /** @type {ReturnType<typeof liveTable> | undefined} */
      let table;
      const ask = (/** @type {object} */ content) => model.send({ id, ...content });
      const ticked = () => new Set(/** @type {number[]} */ (model.get("ticked")));
      const setTicked = (/** @type {Iterable<number>} */ rows) => {
        model.set(
          "ticked",
          [...rows].sort((a, b) => a - b),
        );
        model.save_changes();
      };
      let isTicked = ticked();

      const exclude = addButton(actions, "exclude", "", () => ask({ kind: "count" }));
      const untick = addButton(actions, "untick", "Untick all", () => setTicked([]));
      addButton(actions, "csv", "Save as CSV", () => ask({ kind: "csv", rows: table?.found() }));

      const drawTicks = () => {
        isTicked = ticked();
        exclude.textContent = `Leave out ticked classes (${isTicked.size}) …`;
        exclude.disabled = untick.disabled = isTicked.size === 0;
        confirm.replaceChildren();
        const focused = classes.contains(document.activeElement)
          ? document.activeElement?.getAttribute("aria-label")
          : undefined;
        table?.draw();
        for (const box of classes.querySelectorAll("input"))
          if (focused && box.getAttribute("aria-label") === focused) box.focus({ preventScroll: true });
      };
      const drawSummary = () => {
        summary.innerHTML = model.get("summary").html;
        liveTable(summary, model.get("summary").page);
        tail.innerHTML = model.get("tail");
      };
      const drawClasses = () => {
        classes.innerHTML = model.get("classes").html;
        table = liveTable(classes, model.get("classes").page, {
          isTicked: (row) => isTicked.has(row),
          tick: (rows, on) => {
            const now = ticked();
            for (const row of rows) on ? now.add(row) : now.delete(row);
            setTicked(now);
          },
          open: (row) => ask({ kind: "images", row, first: 0 }),
        });
        drawTicks();
      };

      /** Asks before rows are written. */
      const drawCount = (/** @type {{ words: string, images: number }} */ { words, images }) => {
        confirm.replaceChildren();
        add(confirm, "p", "", words);
        if (images === 0) return;
        addButton(confirm, "write", `Write ${images.toLocaleString("en-US")} rows`, () =>
          ask({ kind: "write" }),
        );
        addButton(confirm, "cancel", "Cancel", () => confirm.replaceChildren());
      };

      /** Shows images of a class below the table; `buffers` are JPEGs. */
      const drawImages = (/** @type {any} */ answer, /** @type {DataView[]} */ buffers) => {
        const { row, first, title, names, total } = answer;
        if (first === 0) {
          for (const image of images.querySelectorAll("img")) URL.revokeObjectURL(image.src);
          images.replaceChildren();
          add(images, "b", "", title);
          add(images, "div", "grid").style.cssText =
            "display: flex; flex-wrap: wrap; gap: 8px; margin: 6px 0";
        }
        images.querySelector("button")?.remove();
        const grid = /** @type {HTMLElement} */ (images.querySelector(".grid"));
        for (const [i, name] of names.entries()) {
          const figure = add(grid, "figure");
          figure.style.cssText = "margin: 0; width: 104px; font-size: 11px; overflow-wrap: anywhere";
          if (buffers[i].byteLength > 0) {
            const image = add(figure, "img");
            image.src = URL.createObjectURL(
              new Blob([/** @type {any} */ (buffers[i])], { type: "image/jpeg" }),
            );
            image.alt = name;
            image.style.cssText = "max-width: 96px; max-height: 96px; background: white; display: block";
          }
          add(figure, "figcaption", "", name);
        }
        const next = first + names.length;
        if (next < total)
          addButton(images, "more", `More (${next} of ${total} shown)`, () =>
            ask({ kind: "images", row, first: next }),
          );
        if (first === 0) images.scrollIntoView?.({ block: "nearest" });
      };

      const answered = (/** @type {any} */ answer, /** @type {DataView[]} */ buffers) => {
        if (answer.id !== id) return;
        if (answer.kind === "images") drawImages(answer, buffers);
        if (answer.kind === "count") drawCount(answer);
        if (answer.kind === "csv") save("classes.csv", answer.text);
        if (answer.kind === "wrote") {
          confirm.replaceChildren();
          add(confirm, "p", "", answer.words);
        }
      };
      const handlers = /** @type {const} */ ([
        ["msg:custom", answered],
        ["change:summary", drawSummary],
        ["change:classes", drawClasses],
        ["change:ticked", drawTicks],
      ]);
      for (const [event, handler] of handlers) model.on(event, handler);
      drawSummary();
      drawClasses();
      return () => {
        for (const [event, handler] of handlers) model.off(event, handler);
      };
    },
  };
}
