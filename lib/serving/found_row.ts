// Rows of the index as `guie serve` sends them to clients.
import type { HitVerdict } from "../finding/kept_verdict";

/** A row of the index, as a client sees it. */
export interface IndexRow {
  /** The row's number, the same as long as the service runs. */
  row: number;
  label: number | null;
  /** Name of the class, if known. */
  name: string | null;
  /** The image's path within the index. */
  file: string;
  /** Address of the image on the service. */
  image: string;
}

/** A row that a search has found. */
export interface FoundRow extends IndexRow {
  /** Cosine similarity, -1..1. */
  score: number;
  /** True if its file has the bytes of the query: it is this very photo, or a copy; null if the index has no hashes. */
  isQuery: boolean | null;
  /** Whether it shows the same object as the query; null if the index has no verdict. */
  verdict: HitVerdict | null;
}
