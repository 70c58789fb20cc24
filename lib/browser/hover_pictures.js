// Pictures for the points of the figure above: hovering over a point shows its picture and caption.

/** @typedef {import("../notebook/output/hover_pictures").HoverPage} HoverPage */
/** @typedef {{ points: { customdata?: unknown }[], event: MouseEvent }} PlotHover */
/** @typedef {HTMLElement & { on?(event: string, listener: (hover: PlotHover) => void): void }} PlotElement as plotly.js leaves it */

/**
 * Attaches the pictures to the plot of the previous output.
 * @param {HTMLElement} around
 * @param {HoverPage} page
 */
export default function hoverPictures(around, { sprite, captions, shownPx, frames }) {
  around.querySelector("p")?.remove();
  const sheet = document.createElement("img");
  sheet.src = sprite.source;
  sheet.alt = "";
  sheet.style.cssText = `position: absolute; max-width: none; margin: 0; width: ${sprite.columns * shownPx}px; height: ${sprite.rows * shownPx}px`;
  const card = document.createElement("div");
  card.className = "guie-hover-picture";
  card.style.cssText =
    "position: fixed; z-index: 10000; pointer-events: none; padding: 8px; border-radius: 8px; background: #fff; color: #222; font: 13px/1.35 system-ui, sans-serif; box-shadow: 0 4px 24px rgba(0, 0, 0, .35)";
  card.style.width = `${shownPx + 6}px`;
  const frame = card.appendChild(document.createElement("div"));
  frame.style.cssText = `position: relative; overflow: hidden; border-radius: 4px; border: 3px solid transparent; width: ${shownPx}px; height: ${shownPx}px`;
  frame.append(sheet);
  const line = (/** @type {string} */ style) => {
    const text = card.appendChild(document.createElement("div"));
    text.style.cssText = `margin-top: 3px; overflow-wrap: anywhere; ${style}`;
    return text;
  };
  const [title, detail] = [line("font-weight: 600"), line("font-size: 12px; color: #666")];

  const hide = () => card.remove();
  const show = (/** @type {PlotHover} */ { points, event }) => {
    const place = points[0]?.customdata;
    const caption = typeof place === "number" ? captions[place] : undefined;
    if (typeof place !== "number" || !caption) return hide();
    sheet.style.left = `${-(place % sprite.columns) * shownPx}px`;
    sheet.style.top = `${-Math.floor(place / sprite.columns) * shownPx}px`;
    frame.style.borderColor = caption.frame ? frames[caption.frame] : "transparent";
    title.textContent = caption.title;
    detail.textContent = caption.detail;
    document.body.append(card);
    const { width, height } = card.getBoundingClientRect();
    /**
     * @param {number} at
     * @param {number} size
     * @param {number} room
     */
    const placeNextTo = (at, size, room) => (at + 16 + size < room ? at + 16 : Math.max(4, at - 16 - size));
    card.style.left = `${placeNextTo(event.clientX, width, innerWidth)}px`;
    card.style.top = `${placeNextTo(event.clientY, height, innerHeight)}px`;
  };

  // Plots come late (JupyterLab loads plotly on first use) and may be replaced; outputs may be drawn twice.
  const output = around.closest(".jp-OutputArea-child");
  const attach = () => {
    /** @type {PlotElement | null | undefined} */
    const plot = output?.previousElementSibling?.querySelector(".js-plotly-plot");
    if (!plot?.on || plot.classList.contains("guie-pictured")) return;
    plot.on("plotly_hover", show);
    plot.on("plotly_unhover", hide);
    plot.addEventListener("wheel", hide, { passive: true });
    plot.addEventListener("mouseleave", hide);
    plot.classList.add("guie-pictured");
  };
  // Plotly's own label would repeat the caption.
  const style = around.appendChild(document.createElement("style"));
  style.textContent = ".guie-pictured .hoverlayer { display: none }";
  attach();
  const area = around.closest(".jp-OutputArea");
  if (area) new MutationObserver(attach).observe(area, { childList: true, subtree: true });
}
