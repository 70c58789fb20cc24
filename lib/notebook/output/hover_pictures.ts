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
export interface HoverPage {
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
  const html = `<div><p>${text}</p>${scriptHtml("hover_pictures", page)}</div>`;
  return { bundle: { "text/html": html, "text/plain": text } };
}
