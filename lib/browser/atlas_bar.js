// The bar above an atlas: menus for map and colour, tools, zoom, the number of selected images.

/** @typedef {import("../notebook/atlas/page").AtlasBar} AtlasBar */
/** @typedef {import("../notebook/atlas/page").AtlasBarActions} AtlasBarActions */

/**
 * Fills the bar.
 * @param {HTMLElement} bar
 * @param {{ map: readonly string[], colouring: readonly string[] }} menus
 * @param {AtlasBarActions} on
 * @returns {AtlasBar}
 */
export default function atlasBar(bar, menus, on) {
  bar.innerHTML = `
    <select class="map" aria-label="Map"></select>
    <select class="colouring" aria-label="Colour"></select>
    <span class="guie-atlas-tools" role="group" aria-label="What dragging does">
      <button class="pan" title="Drag to move the map; with Shift: lasso">Move</button><button class="lasso" title="Drag around points to select them; with Ctrl: add; with Shift: move">Lasso</button>
    </span>
    <span class="guie-atlas-tools">
      <button class="nearer" title="Zoom in (+)" aria-label="Zoom in">+</button><button class="farther" title="Zoom out (-)" aria-label="Zoom out">−</button><button class="reset" title="Show all (0)">All</button>
    </span>
    <button class="unselect" title="Escape">Clear selection</button>
    <span class="selection" role="status"></span>`;
  const factor = 1.4;
  const find = (/** @type {string} */ name) => /** @type {any} */ (bar.querySelector(name));
  let isLasso = false;
  const choose = (/** @type {boolean} */ lasso) => {
    isLasso = lasso;
    find("button.pan").setAttribute("aria-pressed", String(!lasso));
    find("button.lasso").setAttribute("aria-pressed", String(lasso));
    on.tool(lasso);
  };
  for (const [name, values] of Object.entries(menus)) {
    const menu = find(`select.${name}`);
    menu.append(...values.map((words, i) => new Option(words, String(i))));
    menu.onchange = () => on.choose(name, Number(menu.value));
  }
  find("button.pan").onclick = () => choose(false);
  find("button.lasso").onclick = () => choose(true);
  find("button.nearer").onclick = () => on.zoom(factor);
  find("button.farther").onclick = () => on.zoom(1 / factor);
  find("button.reset").onclick = on.reset;
  find("button.unselect").onclick = on.unselect;
  choose(false);
  return {
    isLasso: () => isLasso,
    show(name, value) {
      find(`select.${name}`).value = value;
    },
    selected(count) {
      const words = `${count.toLocaleString("en")} selected: the next cell reads them`;
      find(".selection").textContent = count > 0 ? words : "";
      find(".unselect").disabled = count === 0;
    },
  };
}
