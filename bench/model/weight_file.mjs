// Writes files of random weights, for benchmarks that read large files.
import { mkdirSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { DTYPE_BYTES } from "guie/dist/formats/dtypes.js";
import { formatHeader } from "guie/dist/formats/safetensors_header.js";
import { findTower, towerShapes } from "guie/dist/model/towers.js";

/** Returns random bits, to be written repeatedly; the exponents' highest bit is 0, so that every number is below 2. */
function randomBlock(dtype) {
  const halves = Uint16Array.from({ length: 2 ** 19 }, () => Math.random() * 2 ** 16);
  const step = DTYPE_BYTES[dtype] / 2;
  for (let i = step - 1; i < halves.length; i += step) halves[i] &= 0xbfff;
  return new Uint8Array(halves.buffer);
}

/** Writes random weights of a tower in one dtype (F32 or F16) as safetensors, as large as the real file. */
export async function randomWeightFile(path, towerName, dtype) {
  mkdirSync(dirname(path), { recursive: true });
  const shapes = towerShapes(findTower(towerName));
  const header = formatHeader(
    new Map([...shapes].map(([name, shape]) => [name, { dtype, shape: [...shape] }])),
    {},
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const block = randomBlock(dtype);
  const file = await open(`${path}.tmp`, "w");
  await file.write(Buffer.concat([length, header]));
  for (const shape of shapes.values()) {
    let left = shape.reduce((product, size) => product * size, 1) * DTYPE_BYTES[dtype];
    for (; left > 0; left -= block.length) await file.write(block, 0, Math.min(left, block.length));
  }
  await file.close();
  await rename(`${path}.tmp`, path);
}
