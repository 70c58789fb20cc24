// The type of finished drawings that `show` accepts.
import type { MimeBundle } from "./display";

/** A finished drawing, for example from imageGrid(). */
export interface Drawing {
  bundle: MimeBundle;
}
