// Where a model's variables get their values: a weight file or a random stream, into a session one at a time, never all
// in memory.
import { tf } from "../engine/native/tf";
import type { Program } from "../engine/program/program";
import type { Weights } from "./vit";

/** Weights by name, each computed on request. */
export interface WeightSource {
  /** Names and shapes, in the order in which they should be requested. */
  shapes: ReadonlyMap<string, readonly number[]>;
  /** Fills `memory` with the values of a weight, row-major. */
  write(name: string, memory: Float32Array): void;
  /** Closes the underlying file. */
  close(): void;
}

/** Declares a variable for every weight, lets the source fill the variable's memory, and closes the source. */
export async function fillProgram(program: Program, source: WeightSource): Promise<void> {
  try {
    for (const [name, shape] of source.shapes) program.variable(name, { shape });
    await program.fillAll(
      [...source.shapes.keys()].map((name) => [name, (memory) => source.write(name, memory as Float32Array)]),
    );
  } finally {
    source.close();
  }
}

/**
 * Returns all weights as tensors, to step through a model in a cell; closes the source. The caller frees the tensors.
 * @example
 * const weights = toTensors(freshTower(findTower("tiny"), randomStream(999)));
 */
export function toTensors(source: WeightSource): Weights {
  try {
    const weights: Weights = {};
    for (const [name, shape] of source.shapes) {
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
      source.write(name, values);
      weights[name] = tf.tensor(values, [...shape]);
    }
    return weights;
  } finally {
    source.close();
  }
}

/** Returns a source of existing tensors. It owns them, and frees them on `close`. */
export function fromTensors(weights: Weights): WeightSource {
  return {
    shapes: new Map(Object.entries(weights).map(([name, { shape }]) => [name, shape])),
    write: (name, memory) => memory.set(weights[name]!.dataSync() as Float32Array),
    close: () => tf.dispose(weights),
  };
}

/** Returns the weights of several sources, one source after the other; their names must differ. */
export function joinSources(...sources: readonly WeightSource[]): WeightSource {
  const ownerOf = new Map(
    sources.flatMap((source) => [...source.shapes.keys()].map((name) => [name, source])),
  );
  return {
    shapes: new Map(sources.flatMap(({ shapes }) => [...shapes])),
    write: (name, memory) => ownerOf.get(name)!.write(name, memory),
    close: () => {
      for (const source of sources) source.close();
    },
  };
}

/** Returns the same weights with `prefix` added to their names. */
export function withPrefix(prefix: string, { shapes, write, close }: WeightSource): WeightSource {
  return {
    shapes: new Map([...shapes].map(([name, shape]) => [prefix + name, shape])),
    write: (name, memory) => write(name.slice(prefix.length), memory),
    close,
  };
}

/** Returns the same weights with `prefix` removed from their names, which must all begin with it. */
export function withoutPrefix(prefix: string, { shapes, write, close }: WeightSource): WeightSource {
  return {
    shapes: new Map([...shapes].map(([name, shape]) => [name.slice(prefix.length), shape])),
    write: (name, memory) => write(prefix + name, memory),
    close,
  };
}
