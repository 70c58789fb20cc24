// A search result as `guie serve` sends it to clients.

/** A found index row, as a client sees it. */
export interface FoundRow {
  row: number;
  /** Cosine similarity, -1..1. */
  score: number;
  label: number | null;
  /** Name of the class, if known. */
  name: string | null;
  /** The image's path within the index. */
  file: string;
  /** Address of the image on the service. */
  image: string;
}
