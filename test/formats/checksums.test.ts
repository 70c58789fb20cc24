// Checksums: every flipped bit in a file that we wrote is noticed. Files of other programs have none and are read too.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "guie/dist/common/errors";
import { openSafetensors, writeSafetensors } from "guie/dist/formats/safetensors";
import { formatHeader } from "guie/dist/formats/safetensors_header";
import { temporaryFolder } from "../folders";

const ENTRIES = [
  { name: "a", shape: [3], data: Float32Array.of(1, 2, 3) },
  { name: "10", shape: [2], data: Float32Array.of(65504, -0.5) },
  { name: "none", shape: [0, 2], data: new Float32Array(0) },
  { name: "2", shape: [1, 2], data: Float32Array.of(7, 8) },
];

function readAll(path: string): number[][] {
  const file = openSafetensors(path, "Embed again.");
  try {
    return [...file.tensors.keys()].map((name) => [...file.read(name)]);
  } finally {
    file.close();
  }
}

for (const dtype of ["F32", "F16"] as const) {
  test(`${dtype}: every flipped bit is refused, with what to do`, async (t) => {
    const path = join(temporaryFolder(t), "ours.safetensors");
    await writeSafetensors(path, ENTRIES, { step: "12", origin: "a test" }, dtype);
    const whole = readFileSync(path);
    assert.deepEqual(readAll(path)[0], [1, 2, 3]);
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, flipped);
      try {
        readAll(path);
      } catch (error) {
        assert.ok(error instanceof UserError, `bit ${bit}: ${error}`);
        assert.ok(error.message.includes(path) && error.next, `bit ${bit}: ${error}`);
        continue;
      }
      assert.fail(`bit ${bit} was read`);
    }
  });
}

test("a damaged tensor is named with its sums; the file's other tensors can still be read", async (t) => {
  const path = join(temporaryFolder(t), "ours.safetensors");
  await writeSafetensors(path, ENTRIES);
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
  const file = openSafetensors(path, "Embed again.");
  assert.deepEqual([...file.read("a")], [1, 2, 3]);
  assert.throws(
    () => file.read("2"),
    /ours\.safetensors is damaged: tensor "2" is not as it was written \(CRC-32 [0-9a-f]{8}, expected [0-9a-f]{8}\)\.\n {2}Next: Put a whole copy in its place, or delete it\. Embed again\./,
  );
  file.close();
});

test("readers see the metadata without checksums, and a changed file is checked again", async (t) => {
  const path = join(temporaryFolder(t), "ours.safetensors");
  await writeSafetensors(path, ENTRIES, { origin: "a test" });
  const file = openSafetensors(path);
  assert.deepEqual({ ...file.metadata }, { origin: "a test" });
  file.close();
  readAll(path); // intact, and remembered as such
  const bytes = readFileSync(path);
  bytes[bytes.length - 3]! ^= 2;
  writeFileSync(path, bytes);
  assert.throws(() => readAll(path), /is damaged: tensor "2"/);
});

test("a file of another program is read, also if its metadata mentions a crc32", (t) => {
  const path = join(temporaryFolder(t), "theirs.safetensors");
  const header = formatHeader(new Map([["a", { dtype: "F32", shape: [2] }]]), { crc32: "0a1b2c3d" });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const values = Buffer.from(Float32Array.of(1, 2).buffer);
  writeFileSync(path, Buffer.concat([length, header, values]));
  assert.deepEqual(readAll(path), [[1, 2]]);
});
