// safetensors: reading, writing, and damaged files.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { UserError } from "guie/dist/common/errors";
import { installPath } from "guie/dist/common/project";
import { toHalves } from "guie/dist/formats/dtypes";
import { openSafetensors, streamSafetensors, writeSafetensors } from "guie/dist/formats/safetensors";

const folder = mkdtempSync(join(tmpdir(), "guie-safetensors-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const PATH = join(folder, "file.safetensors");

/** Makes a file of a header and data bytes, as the format describes it. */
function fileOf(header: unknown, data: Uint8Array): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** Reads the tensor "a" of a file with this header and these bytes. */
function readA(header: unknown, data: Uint8Array): number[] {
  writeFileSync(PATH, fileOf(header, data));
  const file = openSafetensors(PATH);
  try {
    return [...file.read("a")];
  } finally {
    file.close();
  }
}

test("half precision: rounded to the nearest, ties to even; all 65,536 numbers are read as they were written", async () => {
  const values = {
    0: 0,
    15360: 1,
    49152: -2,
    13653: 1 / 3,
    31743: 65504,
    31744: 65520, // half way to 65536, which is out of range
    64512: -Infinity,
    1: 2 ** -24,
    1024: 2 ** -14,
    1023: 2 ** -14 - 2 ** -24,
  };
  for (const [bits, value] of Object.entries(values))
    assert.equal(toHalves(Float32Array.of(value))[0], Number(bits), String(value));
  const ties = Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -25, 3 * 2 ** -25, 65519);
  assert.deepEqual([...toHalves(ties)], [0x3c00, 0x3c02, 0, 2, 0x7bff]);
  assert.equal(toHalves(Float32Array.of(-0))[0], 0x8000);

  const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  const header = { a: { dtype: "F16", shape: [65536], data_offsets: [0, 131072] } };
  const wide = Float32Array.from(readA(header, new Uint8Array(halves.buffer)));
  const isNumber = (bits: number) => (bits & 0x7fff) <= 0x7c00;
  assert.deepEqual(toHalves(wide).filter(isNumber), halves.filter(isNumber));
  assert.equal(toHalves(wide).filter((bits) => !isNumber(bits)).length, 2 * 1023);
});

test("values, shapes and metadata are read as they were written, one tensor at a time", async () => {
  const order: string[] = [];
  const produce = (name: string, values: number[]) => () => {
    order.push(name);
    return Promise.resolve(Float32Array.from(values));
  };
  const entries = [
    { name: "matrix", shape: [2, 3], data: produce("matrix", [1, -2, 3.5, 0, 1e-30, 6]) },
    { name: "scalar", shape: [], data: Float32Array.of(Math.fround(0.1)) },
    { name: "empty", shape: [0, 4], data: new Float32Array(0) },
    { name: "part", shape: [2], data: new Float32Array([9, 8, 7, 6]).subarray(1, 3) },
    { name: "last", shape: [1], data: produce("last", [5]) },
  ];
  await writeSafetensors(PATH, entries, { origin: "a test, ü" });
  assert.deepEqual(order, ["matrix", "last"]);
  const file = openSafetensors(PATH);
  assert.deepEqual({ ...file.metadata }, { origin: "a test, ü" });
  assert.deepEqual([...file.tensors.keys()].sort(), ["empty", "last", "matrix", "part", "scalar"]);
  assert.deepEqual([...file.read("matrix")], [1, -2, 3.5, 0, Math.fround(1e-30), 6]);
  assert.deepEqual(file.tensors.get("matrix")!.shape, [2, 3]);
  assert.deepEqual([...file.read("scalar")], [Math.fround(0.1)]);
  assert.deepEqual([...file.read("empty")], []);
  assert.deepEqual([...file.read("part")], [8, 7]);
  file.close();
});

test("tensors are read into given memory of their length", async () => {
  await writeSafetensors(PATH, [{ name: "a", shape: [2], data: Float32Array.of(1, 2) }]);
  const file = openSafetensors(PATH);
  const memory = new Float32Array(4);
  file.readInto("a", memory.subarray(1, 3));
  assert.deepEqual([...memory], [0, 1, 2, 0]);
  assert.throws(() => file.readInto("a", memory), /tensor "a" has 2 numbers, the memory for it 4/);
  file.close();
});

test("all tensors must be pushed, in their order", async () => {
  const path = join(folder, "pushed.safetensors");
  const shapes = new Map([
    ["a", [1]],
    ["b", [1]],
  ]);
  const one = Float32Array.of(1);
  const push = (...names: string[]) =>
    streamSafetensors(path, shapes, {}, async (write) => {
      for (const name of names) await write(name, one);
    });
  await assert.rejects(push("b"), /the next tensor is a, written was b/);
  await assert.rejects(push("a"), /the next tensor is b, written was undefined/);
  await assert.rejects(push("a", "b", "a"), /the next tensor is undefined, written was a/);
  assert.equal(existsSync(path), false);
  await push("a", "b");
  assert.equal(existsSync(path), true);
  rmSync(path);
});

test("the bytes are those of the format, with checksums in the metadata", async () => {
  await writeSafetensors(PATH, [{ name: "a", shape: [2], data: Float32Array.of(1, 2) }]);
  // python: zlib.crc32(struct.pack("<2f", 1, 2)) = 0x2e3fa576; zlib.crc32 of the header with eight zeros = 0x9e30481a
  const header =
    '{"__metadata__":{"guie.crc32":"9e30481a 2e3fa576"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  const expected = Buffer.concat([
    Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from(header),
    Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]),
  ]);
  assert.equal(readFileSync(PATH).toString("latin1"), expected.toString("latin1"));
});

test("a file of the format's own library is read (golden/make_vit.py)", () => {
  const file = openSafetensors(installPath("test", "golden", "vit.safetensors"));
  assert.match(file.metadata.torch!, /^2\.13/);
  assert.deepEqual(file.tensors.get("clip/weights/conv1.weight")!.shape, [16, 3, 7, 7]);
  // python: safe_open(path, "pt").get_tensor("images").flatten()[:3].tolist()
  const expected = [-1.5255959033966064, -0.48272237181663513, -2.1027724742889404];
  assert.deepEqual([...file.read("images").subarray(0, 3)], expected);
  file.close();
});

test("half precision and bfloat16 are read as float32", () => {
  const words = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
  const half = readA(
    { a: { dtype: "F16", shape: [6], data_offsets: [0, 12] } },
    words(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x3555),
  );
  assert.deepEqual(half, [1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, 0.333251953125]);
  const brain = readA(
    { a: { dtype: "BF16", shape: [3], data_offsets: [0, 6] } },
    words(0x3f80, 0xc000, 0x3eab),
  );
  assert.deepEqual(brain, [1, -2, 0.333984375]);
});

test("other types are listed, not read", () => {
  writeFileSync(PATH, fileOf({ a: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, new Uint8Array(8)));
  const file = openSafetensors(PATH);
  assert.equal(file.tensors.get("a")!.dtype, "I64");
  assert.throws(() => file.read("a"), /tensor "a" is I64, expected one of F32, F16, BF16/);
  assert.throws(() => file.read("b"), /holds no tensor "b"; it holds a\./);
  file.close();
});

const FLOATS = (begin: number, end: number) => ({ dtype: "F32", shape: [2], data_offsets: [begin, end] });
const MALFORMED: { fault: string; bytes: Buffer; message: RegExp }[] = [
  { fault: "an empty file", bytes: Buffer.alloc(0), message: /it has 0 bytes/ },
  {
    fault: "a header longer than the file",
    bytes: Buffer.alloc(8, 1),
    message: /its header takes \d+ bytes of 8/,
  },
  { fault: "no JSON", bytes: fileOf("{oops", new Uint8Array(0)), message: /its header is not JSON/ },
  { fault: "a list", bytes: fileOf("[]", new Uint8Array(0)), message: /not a JSON object/ },
  {
    fault: "a cut file",
    bytes: fileOf({ a: FLOATS(0, 8) }, new Uint8Array(5)),
    message: /cut short.*take 8 bytes, found 5/,
  },
  {
    fault: "bytes too many",
    bytes: fileOf({ a: FLOATS(0, 8) }, new Uint8Array(9)),
    message: /1 bytes at its end/,
  },
  {
    fault: "a wrong size",
    bytes: fileOf({ a: FLOATS(0, 9) }, new Uint8Array(9)),
    message: /"a": F32 \[2\] takes 8 bytes, found 9/,
  },
  {
    fault: "an overlap",
    bytes: fileOf({ a: FLOATS(0, 8), b: FLOATS(4, 12) }, new Uint8Array(12)),
    message: /"b" overlaps the one before it/,
  },
  {
    fault: "a hole",
    bytes: fileOf({ a: FLOATS(0, 8), b: FLOATS(12, 20) }, new Uint8Array(20)),
    message: /"b" leaves a hole/,
  },
  {
    fault: "an unknown type",
    bytes: fileOf({ a: { dtype: "F33", shape: [1], data_offsets: [0, 4] } }, new Uint8Array(4)),
    message: /"a": unknown dtype "F33"/,
  },
  {
    fault: "a negative size",
    bytes: fileOf({ a: { dtype: "F32", shape: [-1], data_offsets: [0, 4] } }, new Uint8Array(4)),
    message: /"a": shape \[-1\]/,
  },
  {
    fault: "metadata that is no text",
    bytes: fileOf({ __metadata__: { step: 1 } }, new Uint8Array(0)),
    message: /metadata is not an object of strings/,
  },
];

for (const { fault, bytes, message } of MALFORMED) {
  test(`refused: ${fault}`, () => {
    writeFileSync(PATH, bytes);
    assert.throws(
      () => openSafetensors(PATH),
      (error: Error) =>
        error instanceof UserError && message.test(error.message) && error.message.includes(PATH),
    );
  });
}

test("the error for a missing file says what to do", () => {
  assert.throws(() => openSafetensors(join(folder, "none"), "make it"), /there is none\.\n {2}Next: make it/);
});

test("leftovers of killed writers are deleted, files of living writers stay", async () => {
  const path = join(folder, "big.safetensors");
  const [abandoned, young, other] = ["big.safetensors", "big.safetensors", "big.safetensors2"].map(
    (name, i) => join(folder, `${name}.${i + 1}.0123abcd.tmp`),
  );
  const hoursAgo = (hours: number) => Date.now() / 1000 - hours * 3600;
  for (const [file, hours] of [
    [abandoned!, 2],
    [young!, 0.9],
    [other!, 2],
  ] as const) {
    writeFileSync(file, "x");
    utimesSync(file, hoursAgo(hours), hoursAgo(hours));
  }
  await writeSafetensors(path, []);
  assert.deepEqual(
    [abandoned, young, other].map((file) => existsSync(file!)),
    [false, true, true],
  );
  for (const file of [path, young!, other!]) rmSync(file);
});

test("a write that fails leaves the old file and nothing else", async () => {
  rmSync(PATH);
  await writeSafetensors(PATH, [{ name: "a", shape: [1], data: Float32Array.of(7) }]);
  const tooShort = [
    { name: "a", shape: [1], data: Float32Array.of(8) },
    { name: "b", shape: [3], data: Float32Array.of(1, 2) },
  ];
  await assert.rejects(writeSafetensors(PATH, tooShort), /expected \[3\] = 3 numbers for tensor "b", got 2/);
  await assert.rejects(writeSafetensors(PATH, [tooShort[0]!, tooShort[0]!]), /two tensors of the same name/);
  assert.deepEqual(readdirSync(folder), ["file.safetensors"]);
  const file = openSafetensors(PATH);
  assert.deepEqual([...file.read("a")], [7]);
  file.close();
});
