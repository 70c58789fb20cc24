// Pictures for the points of a figure: plotly's own hover shows text alone.

import type { Drawing } from "./drawing";
import { scriptHtml } from "./page_script";
import type { Sprite } from "./sprite";

/** What stands beside the picture of a point. */
export interface PointCaption {
  title: string;
  detail: string;
  /** A right answer, a wrong one. */
  frame?: "green" | "red" | undefined;
}

/** Side of the shown picture, in CSS pixels; at most twice its stored size. */
const SHOWN_PX = 152;

const FRAMES = { green: "#2ca25f", red: "#e34a33" };

/** What the reader's browser gets. */
interface HoverPage {
  sprite: Sprite;
  captions: readonly PointCaption[];
  shownPx: number;
  frames: typeof FRAMES;
}

/**
 * An output that gives pictures to the figure shown just before it: the mouse on a point whose `customdata` is i shows
 * picture i of the sprite. Works where scripts of outputs run: JupyterLab in a trusted notebook, our pages of notebooks.
 * Captions are text, whatever stands in them.
 */
export function hoverPictures(sprite: Sprite, captions: readonly PointCaption[]): Drawing {
  const shownPx = Math.min(SHOWN_PX, 2 * sprite.tilePx);
  const page: HoverPage = { sprite, captions, shownPx, frames: FRAMES };
  const text = `Pictures of the ${captions.length} points above, for the mouse to show.`;
  // Where scripts do not run, the words stay, and the output is not blank
  const html = `<div><p>${text}</p>${scriptHtml(picturesInPage, page)}</div>`;
  return { bundle: { "text/html": html, "text/plain": text } };
}

/** A plot as plotly.js leaves it in a page. */
interface PlotElement extends HTMLElement {
  on?(event: string, listener: (hover: PlotHover) => void): void;
}

interface PlotHover {
  points: { customdata?: unknown }[];
  event: MouseEvent;
}

/** Runs in the reader's browser. Uses nothing of this module. */
function picturesInPage(around: HTMLElement, { sprite, captions, shownPx, frames }: HoverPage) {
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
  const line = (style: string) => {
    const text = card.appendChild(document.createElement("div"));
    text.style.cssText = `margin-top: 3px; overflow-wrap: anywhere; ${style}`;
    return text;
  };
  const [title, detail] = [line("font-weight: 600"), line("font-size: 12px; color: #666")];

  const hide = () => card.remove();
  const show = ({ points, event }: PlotHover) => {
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
    const beside = (at: number, size: number, room: number) =>
      at + 16 + size < room ? at + 16 : Math.max(4, at - 16 - size);
    card.style.left = `${beside(event.clientX, width, innerWidth)}px`;
    card.style.top = `${beside(event.clientY, height, innerHeight)}px`;
  };

  // Plots come late (JupyterLab loads plotly when it first needs it) and may come again; outputs may be drawn twice.
  const output = around.closest(".jp-OutputArea-child");
  const attach = () => {
    const plot = output?.previousElementSibling?.querySelector<PlotElement>(".js-plotly-plot");
    if (!plot?.on || plot.classList.contains("guie-pictured")) return;
    plot.on("plotly_hover", show);
    plot.on("plotly_unhover", hide);
    plot.addEventListener("wheel", hide, { passive: true });
    plot.addEventListener("mouseleave", hide);
    plot.classList.add("guie-pictured");
  };
  // Plotly's own label would say the same beside the picture.
  const style = around.appendChild(document.createElement("style"));
  style.textContent = ".guie-pictured .hoverlayer { display: none }";
  attach();
  const area = around.closest(".jp-OutputArea");
  if (area) new MutationObserver(attach).observe(area, { childList: true, subtree: true });
}
