// PyTorch's files, compared with the values that golden/make_pytorch.py wrote into them.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { UserError } from "guie/dist/common/errors";
import { installPath } from "guie/dist/common/project";
import { openPyTorch } from "guie/dist/formats/pytorch";

const folder = mkdtempSync(join(tmpdir(), "guie-pytorch-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const golden = (name: string) => installPath("test", "golden", "pytorch", name);

/** The script's `counting`: [3, 4], 0, 1/8, ... 11/8. */
const COUNTING = Array.from({ length: 12 }, (_, i) => i / 8);

const TYPES: { name: string; dtype: string; shape: number[]; values?: number[] }[] = [
  { name: "float", dtype: "F32", shape: [3, 4], values: COUNTING },
  { name: "half", dtype: "F16", shape: [3, 4], values: COUNTING.map((value) => -value) },
  { name: "bfloat16", dtype: "BF16", shape: [3, 4], values: COUNTING.map((value) => value + 1) },
  { name: "long", dtype: "I64", shape: [2] },
  { name: "scalar", dtype: "F32", shape: [], values: [0.5] },
  { name: "empty", dtype: "F32", shape: [0, 3], values: [] },
  {
    name: "transposed",
    dtype: "F32",
    shape: [4, 3],
    values: [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map((i) => i / 8),
  },
  { name: "part", dtype: "F32", shape: [2, 2], values: [6, 7, 10, 11].map((i) => i / 8) },
  { name: "shared", dtype: "F32", shape: [3, 4], values: COUNTING },
  { name: "parameter", dtype: "F32", shape: [4], values: COUNTING.slice(0, 4) },
  { name: "expanded", dtype: "F32", shape: [2, 3], values: [1, 1, 1, 1, 1, 1] },
];

for (const fileName of ["types.pt", "types_legacy.pt"]) {
  test(`${fileName}: every type, views of storages, parameters`, async () => {
    const file = await openPyTorch(golden(fileName));
    assert.deepEqual(
      [...file.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
      TYPES.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    );
    for (const { name, values } of TYPES) {
      // -0 and 0 are the same weight.
      if (values)
        assert.ok(
          file.read(name).every((value, i) => value === values[i]!),
          name,
        );
      if (values) assert.equal(file.read(name).length, values.length);
    }
    assert.throws(() => file.read("long"), /"long" is I64, expected one of F32, F16, BF16/);
    assert.throws(() => file.read("none"), /holds no tensor "none"; it holds float, half/);
    file.close();
  });
}

for (const fileName of ["nested.pt", "nested_twice_legacy.pt"]) {
  test(`${fileName}: the state dict inside a checkpoint`, async () => {
    const file = await openPyTorch(golden(fileName));
    assert.deepEqual(
      [...file.tensors.keys()],
      [
        "conv.weight",
        "conv.bias",
        "norm.weight",
        "norm.bias",
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
      ],
    );
    assert.deepEqual(file.tensors.get("conv.weight")!.shape, [2, 1, 3, 3]);
    assert.deepEqual([...file.read("norm.weight")], [2.25, 2.25]);
    assert.deepEqual([...file.read("norm.running_var")], [1, 1]);
    file.close();
  });
}

const REFUSED: [fileName: string, name: RegExp][] = [
  ["malicious.pt", /asks for posix\.system/],
  ["malicious_legacy.pt", /asks for posix\.system/],
  ["malicious_protocol2.bin", /asks for posix\.system/],
  ["malicious_protocol4.bin", /asks for posix\.system/],
  ["load_from_bytes.pt", /asks for torch\.storage\._load_from_bytes/],
  ["whole_module.pt", /asks for torch\.nn\.modules\.linear\.Linear/],
  [
    "torchscript.pt",
    /torchscript\.pt is a TorchScript archive[\s\S]*torch\.save\(torch\.jit\.load\(".*"\)\.state_dict\(\), "weights\.pt"\)/,
  ],
];

for (const [fileName, message] of REFUSED) {
  test(`${fileName} is refused by name`, async () => {
    await assert.rejects(
      openPyTorch(golden(fileName)),
      (error: Error) =>
        error instanceof UserError &&
        message.test(error.message) &&
        error.message.includes("Nothing was executed"),
    );
    assert.equal(existsSync("/tmp/pickle_was_run"), false);
  });
}

/** The pickles before the state dict in a file of PyTorch before 1.6: magic number, version, machine. */
const LEGACY = readFileSync(golden("types_legacy.pt"));
const LEGACY_START = LEGACY.subarray(0, LEGACY.indexOf(Buffer.from("\x80\x02ccollections", "latin1")));

/** State dicts as pickles of protocol 2, written by hand. */
const BY_HAND: { fault: string; pickle: string; message: RegExp }[] = [
  {
    fault: "a call of a class of numbers",
    pickle: "ctorch\nFloatStorage\n)R.",
    message: /PyTorch's|asks for/,
  },
  { fault: "an object of any class", pickle: "N)\x81.", message: /the pickle opcode NEWOBJ/ },
  { fault: "Python 2's way to make one", pickle: "(ios\nsystem\n.", message: /the pickle opcode INST/ },
  { fault: "an unknown opcode", pickle: "\xff.", message: /the pickle opcode "ÿ"/ },
  { fault: "an empty stack", pickle: ".", message: /a damaged pickle: its stack is empty/ },
  { fault: "a missing mark", pickle: "t.", message: /a damaged pickle: a MARK is missing/ },
  { fault: "an unknown memo", pickle: "h\x07.", message: /refers to value 7, which is not there/ },
  { fault: "an append to None", pickle: "NNa.", message: /appends to something that is not a list/ },
  {
    fault: "an OrderedDict of numbers",
    pickle: "ccollections\nOrderedDict\n(]K\x01atR.",
    message: /are no pairs/,
  },
  { fault: "no end", pickle: "(", message: /is cut short/ },
  {
    fault: "a text longer than the file",
    pickle: "X\xff\xff\xff\x7fa.",
    message: /is cut short: 2147483647 bytes/,
  },
];

for (const { fault, pickle, message } of BY_HAND) {
  test(`refused: ${fault}`, async () => {
    const path = join(folder, "by_hand.bin");
    writeFileSync(path, Buffer.concat([LEGACY_START, Buffer.from(`\x80\x02${pickle}`, "latin1")]));
    await assert.rejects(
      openPyTorch(path),
      (error: Error) => error instanceof UserError && message.test(error.message),
    );
  });
}

for (const fileName of ["types.pt", "types_legacy.pt"]) {
  test(`${fileName} cut anywhere is refused`, async () => {
    const whole = readFileSync(golden(fileName));
    const path = join(folder, fileName);
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(path, whole.subarray(0, length));
      await assert.rejects(
        openPyTorch(path),
        (error: Error) => error instanceof UserError && error.message.includes(path),
        `${length} of ${whole.length} bytes`,
      );
    }
  });
}

test("Python 2's OrderedDict, a list of pairs, and a dict without tensors", async () => {
  const path = join(folder, "no_tensors.pt");
  const pickle = "ccollections\nOrderedDict\n(]](U\x05epochK\x01eatR.";
  const keys = "\x80\x02].";
  writeFileSync(path, Buffer.concat([LEGACY_START, Buffer.from(`\x80\x02${pickle}${keys}`, "latin1")]));
  await assert.rejects(openPyTorch(path), /holds no state dict, .*its keys: epoch\./);
});

test("a tensor that reaches beyond its storage is refused", async () => {
  const bytes = Buffer.from(LEGACY);
  // The first tensor's shape (3, 4): BININT1 3, BININT1 4, TUPLE2.
  const shape = bytes.indexOf(Buffer.from("K\x03K\x04\x86", "latin1"));
  bytes[shape + 1] = 4;
  const path = join(folder, "beyond.pt");
  writeFileSync(path, bytes);
  await assert.rejects(openPyTorch(path), /a tensor \[4,4\] reaches beyond its storage of 12 numbers/);
});

test("files that are not PyTorch's are refused", async () => {
  const pickle = join(folder, "number.pt");
  writeFileSync(pickle, Buffer.from("\x80\x02K\x01.", "latin1"));
  await assert.rejects(openPyTorch(pickle), /it is a pickle, but not PyTorch's/);
  const path = join(folder, "page.pt");
  writeFileSync(path, "<html>not found</html>");
  await assert.rejects(openPyTorch(path), /neither a zip archive nor a pickle/);
  await assert.rejects(openPyTorch(join(folder, "none.pt")), /there is none/);
});
