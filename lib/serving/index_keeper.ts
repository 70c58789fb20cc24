// What keeps the index of a service in step with what is on disk: photos, or an index folder.
import type { LeftOut } from "../common/files/image_folder";

/** The photos of a service, as they come in. */
export interface PhotoStatus {
  /** Photos in the folder or list. */
  total: number;
  /** Photos that are embedded or cannot be read. */
  done: number;
  /** True while photos are listed and embedded. */
  busy: boolean;
  /** Photos that were embedded since the folder was last read; the vectors of the others were there. */
  embedded: number;
  /** Files that are left out: no images, and photos that could not be read when the folder was last read as a whole. */
  leftOut: readonly LeftOut[];
  /** What stopped the last reading, for a person at this machine. */
  problem: string | undefined;
}

/** Keeps an index in step with what is on disk. */
export interface IndexKeeper {
  /** The photos as they are known now. */
  readonly status: PhotoStatus;
  /** Fulfilled when all photos that are known now are searchable. */
  readonly whole: Promise<void>;
  /** Reads again what is on disk, at once or when the reading under way ends. */
  reload(): void;
  close(): Promise<void>;
}
