// What a search answers.

/** An index row as a client sees it. */
export interface FoundRow {
  row: number;
  /** Cosine, -1..1. */
  score: number;
  label: number | null;
  /** Name of the class, where it is known. */
  name: string | null;
  /** The image's path within the index. */
  file: string;
  /** Where the image is served. */
  image: string;
}
