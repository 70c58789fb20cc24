// Reading MATLAB level 5 files, compared with scipy.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { installPath } from "guie/dist/common/project";
import { getData } from "guie/dist/datasets/get_data";
import { readMatlabFile } from "guie/dist/datasets/matlab/matlab_file";
import { temporaryFolder } from "../folders";
import { temporaryDataDir, writeFiles } from "./miniature";

const golden = (name: string) => installPath("test/golden/matlab", `${name}.mat`);
const numeric = (dims: number[], values: number[]) => ({ kind: "numeric", dims, values });
const text = (row: string) => ({ kind: "char", dims: [1, row.length], rows: [row] });

for (const file of ["cars", "cars_compressed"]) {
  test(`a struct array and a cell array, written by scipy (${file})`, () => {
    const { annotations, class_names } = readMatlabFile(golden(file), ["annotations", "class_names"]);
    assert.ok(annotations?.kind === "struct" && class_names?.kind === "cell");
    assert.deepEqual(annotations.dims, [1, 4]);
    const fields = ["relative_im_path", "bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "test"];
    assert.deepEqual(annotations.fields, fields);
    assert.deepEqual(annotations.elements[1], {
      relative_im_path: text("car_ims/000002.jpg"),
      bbox_x1: numeric([1, 1], [48]),
      bbox_y1: numeric([1, 1], [24]),
      bbox_x2: numeric([1, 1], [441]),
      bbox_y2: numeric([1, 1], [202]),
      class: numeric([1, 1], [1]),
      test: numeric([1, 1], [1]),
    });
    // scipy counts code points: 16 with the car, which is two UTF-16 code units.
    assert.deepEqual(class_names.cells[2], { kind: "char", dims: [1, 16], rows: ["Citroën C3 № 4 🚗"] });
  });
}

const KINDS: Record<string, object> = {
  int8: numeric([1, 2], [-128, 127]),
  uint16: numeric([1, 2], [0, 65535]),
  int32: numeric([2, 1], [-(2 ** 31), 2 ** 31 - 1]),
  int64: numeric([1, 2], [-(2 ** 53) + 1, 2 ** 53 - 1]),
  single: numeric([1, 2], [0.5, -1.25]),
  double: numeric([2, 3], [1, 4, 2, 5, 3, 6]),
  logical: numeric([1, 2], [1, 0]),
  text: { kind: "char", dims: [2, 3], rows: ["abc", "xyz"] },
  cell: {
    kind: "cell",
    dims: [2, 2],
    cells: [text("a"), numeric([1, 2], [1.5, 2.5]), numeric([0, 0], []), numeric([1, 1], [7])],
  },
  inner: {
    kind: "struct",
    dims: [1, 1],
    fields: ["one"],
    elements: [
      { one: { kind: "struct", dims: [1, 1], fields: ["two"], elements: [{ two: numeric([1, 1], [3]) }] } },
    ],
  },
};

for (const file of ["kinds", "kinds_compressed"]) {
  test(`every supported kind of array, in column-major order (${file})`, () => {
    assert.deepEqual(readMatlabFile(golden(file), Object.keys(KINDS)), KINDS);
    assert.deepEqual(readMatlabFile(golden(file), ["nothing"]), {});
  });

  test(`unsupported kinds are named when requested (${file})`, () => {
    assert.throws(() => readMatlabFile(golden(file), ["complex"]), /"complex" holds complex numbers/);
    assert.throws(
      () => readMatlabFile(golden(file), ["huge"]),
      /1152921504606846976 is too large to be exact/,
    );
  });
}

/** Returns an element in the documented format, big-endian. */
function element(type: number, content: Buffer): Buffer {
  const tag = Buffer.alloc(8);
  tag.writeUInt32BE(type, 0);
  tag.writeUInt32BE(content.length, 4);
  return Buffer.concat([tag, content, Buffer.alloc((8 - (content.length % 8)) % 8)]);
}

const int32s = (...values: number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt32BE(value, 4 * i);
  return bytes;
};

/** Returns a big-endian file of one char array `t` in UTF-16 code units, as MATLAB itself writes it. */
function bigEndianText(content: string, dims: number[]): Buffer {
  const header = Buffer.alloc(128, " ");
  header.writeUInt16BE(0x0100, 124);
  header.write("MI", 126, "latin1");
  const units = Buffer.from(content, "utf16le").swap16();
  const parts = [
    element(6, int32s(4, 0)),
    element(5, int32s(...dims)),
    element(1, Buffer.from("t")),
    element(4, units),
  ];
  return Buffer.concat([header, element(14, Buffer.concat(parts))]);
}

test("big-endian files and text in UTF-16 code units are read", (t) => {
  const path = join(temporaryFolder(t), "text.mat");
  writeFileSync(path, bigEndianText("Zoë 🚗", [1, 6]));
  assert.deepEqual(readMatlabFile(path, ["t"]), { t: text("Zoë 🚗") });
  writeFileSync(path, bigEndianText("adbecf", [2, 3]));
  assert.deepEqual(readMatlabFile(path, ["t"]), { t: { kind: "char", dims: [2, 3], rows: ["abc", "def"] } });
});

test("damaged and hostile files are refused with their path", (t) => {
  const path = join(temporaryFolder(t), "bad.mat");
  const refuses = (bytes: Buffer, message: RegExp) => {
    writeFileSync(path, bytes);
    assert.throws(() => readMatlabFile(path, ["annotations", "t"]), { name: "UserError", message });
  };
  const cars = readFileSync(golden("cars"));
  refuses(
    Buffer.from("no file of MATLAB"),
    /bad\.mat cannot be read as a MATLAB file: it does not begin like a level 5 file/,
  );
  refuses(cars.subarray(0, cars.length - 100), /has \d+ bytes, \d+ are left/);
  const v73 = Buffer.from(cars);
  v73.writeUInt16LE(0x0200, 124);
  refuses(v73, /-v7\.3 \(HDF5\): save it with -v7/);
  // Sizes beyond the file's content are refused before anything is allocated.
  refuses(bigEndianText("abc", [1, 2 ** 31 - 1]), /1 x 2147483647 holds 3 values/);
  const damaged = Buffer.from(readFileSync(golden("cars_compressed")));
  damaged.fill(0xff, 160, 200);
  refuses(damaged, /cannot be read as a MATLAB file/);
  // A little more than 128 MB of zeros in 0.6 MB.
  const bomb = deflateSync(Buffer.alloc(2 ** 27 + 2 ** 20), { level: 1 });
  const tag = Buffer.alloc(8);
  tag.writeUInt32LE(15, 0);
  tag.writeUInt32LE(bomb.length, 4);
  refuses(
    Buffer.concat([cars.subarray(0, 128), tag, bomb]),
    /cannot be read as a MATLAB file: Cannot create a Buffer larger than/,
  );
});

/** Returns cars.mat with a text replaced by one of the same length. */
function carsWith(from: string, to: string): Buffer {
  const bytes = Buffer.from(readFileSync(golden("cars")));
  const at = bytes.indexOf(from, 0, "latin1");
  assert.ok(at > 0 && from.length === to.length);
  bytes.write(to, at, "latin1");
  return bytes;
}

const CARS_FAULTS: [string, Buffer, RegExp][] = [
  [
    "a path that leaves the folder",
    carsWith("car_ims/000003.jpg", "../../etc/passwd.g"),
    /annotations\(3\): the image path "\.\.\/\.\.\/etc\/passwd\.g" leaves/,
  ],
  [
    "a missing field",
    carsWith("class\0", "klass\0"),
    /annotations lacks the field "class"; it has: relative_im_path, .*klass, test/,
  ],
  ["another variable", carsWith("annotations", "annotetions"), /Expected the struct array "annotations"/],
];

for (const [what, bytes, message] of CARS_FAULTS) {
  test(`Stanford Cars' annotations are refused for ${what}`, async (t) => {
    const dataDir = temporaryDataDir(t);
    writeFiles(join(dataDir, "raw/Stanford_Cars"), { "cars_annos.mat": bytes, "car_ims/000001.jpg": "x" });
    await assert.rejects(getData(dataDir, "Stanford_Cars"), { name: "UserError", message });
  });
}
