// Numbers of photos that stay the same while a service runs, whatever comes and goes.
import type { RowNumbers } from "./index_state";

/** Gives every photo, known by its path and its bytes, a number when it is first seen. */
export class PhotoNumbers {
  readonly #numbers = new Map<string, number>();

  /**
   * Returns the numbers of the photos of an index.
   * @param files the photo of each row
   * @param contents the hash of each photo's bytes
   */
  of(files: readonly string[], contents: readonly string[]): RowNumbers {
    const numbers = files.map((file, position) => this.#numberOf(`${contents[position]} ${file}`));
    const positions = new Map(numbers.map((number, position) => [number, position]));
    return {
      numberAt: (position) => numbers[position]!,
      positionOf: (row) => positions.get(row),
    };
  }

  #numberOf(photo: string): number {
    const known = this.#numbers.get(photo) ?? this.#numbers.size;
    this.#numbers.set(photo, known);
    return known;
  }
}
