// What is drawn already, before it is shown.
import type { MimeBundle } from "./display";
import type { Figure } from "./figure";

/** Something already drawn, for example by imageGrid(). */
export interface Drawing {
  bundle: MimeBundle;
}

/** A figure and the pictures of its points: two outputs of one cell. `show` takes it. */
export interface PicturedFigure {
  figure: Figure;
  pictures: Drawing;
}
