// A reduction on disk. Shapes: F numbers per row, d numbers afterwards.
import { projectPath } from "../common/project";
import { openSafetensors, writeSafetensors } from "../formats/safetensors";
import type { Reduction, ReductionKind } from "./reduction";

/**
 * Writes a reduction as safetensors: `mean` [F], `matrix` [F, d].
 * @example
 * await writeReduction("features/pca.safetensors", await fitPca(vectors, 64));
 */
export async function writeReduction(
  path: string,
  { kind, mean, matrix, from, to }: Reduction,
): Promise<void> {
  const entries = [
    { name: "mean", shape: [from], data: mean },
    { name: "matrix", shape: [from, to], data: matrix },
  ];
  await writeSafetensors(projectPath(path), entries, { kind });
}

/**
 * Reads what `writeReduction` wrote.
 * @example
 * const pca = readReduction("features/pca.safetensors");
 */
export function readReduction(path: string): Reduction {
  const file = openSafetensors(projectPath(path), "npx guie reduce --help");
  try {
    const [mean, matrix] = [file.read("mean"), file.read("matrix")];
    const [from, to] = file.tensors.get("matrix")!.shape as [number, number];
    return { kind: file.metadata.kind as ReductionKind, mean, matrix, from, to };
  } finally {
    file.close();
  }
}
