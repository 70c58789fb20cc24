// Reads images of a pack in sequence, in large pieces, and holds them until they are taken in another order.
import { UserError } from "../common/errors";
import { readPatiently } from "../common/files/file_faults";
import { readRegularPart } from "../common/files/regular_file";
import type { OpenPack } from "./open_pack";

/** Longest piece of a tar that is read at once. */
const PIECE_BYTES = 4 << 20;

/** Images to read, and the order in which they are taken. */
export interface StreamPlan {
  /** The images' numbers in the pack, in the order of reading: [n]. */
  images: ArrayLike<number>;
  /** The place in the order of reading of the image that is taken 1st, 2nd, ...: a permutation, [n]. */
  order: ArrayLike<number>;
  /** Images that are held in memory: the k-th that is taken is among the first k + `held` that are read. */
  held: number;
}

/**
 * A stream of images: reads one piece after the other, some images ahead of those that are taken. It may begin anywhere
 * in the order; images that were taken before are then not read.
 */
export class MemberStream {
  readonly #pack: OpenPack;
  readonly #plan: StreamPlan;
  /** Images that were asked for, by their place in the order of reading; the value is there once they are read. */
  readonly #ahead = new Map<number, Promise<Uint8Array>>();
  /** Marks the places whose image was taken before this stream began. */
  readonly #isTaken: Uint8Array;
  /** The next place in the order of reading. */
  #toRead = 0;
  /** The next place in the order of taking. */
  #toTake: number;
  #lastPiece: Promise<unknown> = Promise.resolve();

  /** @param start the place in the order of taking at which the stream begins */
  constructor(pack: OpenPack, plan: StreamPlan, start: number) {
    this.#pack = pack;
    this.#plan = plan;
    this.#isTaken = new Uint8Array(plan.images.length);
    for (let i = 0; i < start; i++) this.#isTaken[plan.order[i]!] = 1;
    this.#toTake = start;
  }

  /** The place in the order of taking of the image that `take` returns next. */
  get next(): number {
    return this.#toTake;
  }

  /**
   * Takes the next images.
   * @returns the bytes of each image's file, once they are read; a tar that cannot be read throws a UserError there
   */
  take(count: number): Promise<Uint8Array>[] {
    const end = this.#toTake + count;
    const { images, order, held } = this.#plan;
    this.#readUntil(Math.min(images.length, end + held));
    const taken: Promise<Uint8Array>[] = [];
    for (; this.#toTake < end; this.#toTake++) {
      const place = order[this.#toTake]!;
      taken.push(this.#ahead.get(place)!);
      this.#ahead.delete(place);
    }
    return taken;
  }

  /** Asks for the pieces up to a place in the order of reading. */
  #readUntil(end: number): void {
    for (;;) {
      while (this.#toRead < end && this.#isTaken[this.#toRead]) this.#toRead++;
      if (this.#toRead >= end) return;
      this.#readPiece();
    }
  }

  /** Asks for the next piece: the images from `#toRead` on that lie within PIECE_BYTES of one tar, or one longer image. */
  #readPiece(): void {
    const { images } = this.#plan;
    const { tars, tarOf, offsets, lengths } = this.#pack;
    const first = images[this.#toRead]!;
    const tar = tarOf[first]!;
    const start = offsets[first]!;
    const places: number[] = [];
    let end = start;
    for (; this.#toRead < images.length; this.#toRead++) {
      if (this.#isTaken[this.#toRead]) continue;
      const image = images[this.#toRead]!;
      const imageEnd = offsets[image]! + lengths[image]!;
      if (tarOf[image] !== tar || (places.length > 0 && imageEnd - start > PIECE_BYTES)) break;
      places.push(this.#toRead);
      end = imageEnd;
    }
    const piece = this.#lastPiece.then(() => readPiece(tars[tar]!, start, end - start));
    this.#lastPiece = piece.catch(() => {}); // reported to those who take its images
    for (const place of places) {
      const image = images[place]!;
      const from = offsets[image]! - start;
      // a copy, so that a piece does not stay in memory for its last image
      const bytes = piece.then((read) => read.slice(from, from + lengths[image]!));
      bytes.catch(() => {}); // reported when it is taken
      this.#ahead.set(place, bytes);
    }
  }
}

async function readPiece(path: string, start: number, length: number): Promise<Uint8Array> {
  const bytes = await readPatiently(path, () => readRegularPart(path, start, length));
  if (bytes.length === length) return bytes;
  throw new UserError(
    `${path} ends at byte ${start + bytes.length}; its index names bytes up to ${start + length}.`,
    "The tar was cut off: delete it, then run guie pack again.",
  );
}
