// Types of finished drawings that `show` accepts.
import type { MimeBundle } from "./display";
import type { Figure } from "./figure";

/** A finished drawing, for example from imageGrid(). */
export interface Drawing {
  bundle: MimeBundle;
}

/** A figure and the pictures of its points: two outputs of one cell. `show` accepts it. */
export interface PicturedFigure {
  figure: Figure;
  pictures: Drawing;
}
