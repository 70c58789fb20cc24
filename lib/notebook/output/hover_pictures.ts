// Shows pictures for the points of a figure on hover: plotly's own hover shows only text.
import type { Drawing } from "./drawing";
import { scriptHtml } from "./page_script";
import type { Sprite } from "./sprite";

/** Caption next to the picture of a point. */
export interface PointCaption {
  title: string;
  detail: string;
  /** Green for a right answer, red for a wrong one. */
  frame?: "green" | "red" | undefined;
}

/** Side of the shown picture, in CSS pixels; at most twice its stored size. */
const SHOWN_PX = 152;

const FRAMES = { green: "#2ca25f", red: "#e34a33" };

/** Data for the script in the reader's browser. */
export interface HoverPage {
  sprite: Sprite;
  captions: readonly PointCaption[];
  shownPx: number;
  frames: typeof FRAMES;
}

/**
 * Returns an output that adds pictures to the figure shown just before it: hovering over a point with `customdata` i
 * shows picture i of the sprite. Works where outputs may run scripts: JupyterLab in a trusted notebook, our notebook
 * pages. Captions are always treated as text.
 */
export function hoverPictures(sprite: Sprite, captions: readonly PointCaption[]): Drawing {
  const shownPx = Math.min(SHOWN_PX, 2 * sprite.tilePx);
  const page: HoverPage = { sprite, captions, shownPx, frames: FRAMES };
  const text = `Pictures of the ${captions.length} points above, for the mouse to show.`;
  // Without scripts, the text remains, so that the output is not blank.
  const html = `<div><p>${text}</p>${scriptHtml("hover_pictures", page)}</div>`;
  return { bundle: { "text/html": html, "text/plain": text } };
}
