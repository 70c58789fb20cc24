// Files of training scripts, libraries and browsers (golden/make_weight_files.py): each is read, or recognised and
// refused with what to do.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { UserError } from "guie/dist/common/errors";
import { installPath } from "guie/dist/common/project";
import { openWeights } from "guie/dist/formats/open_weights";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { prepareModel } from "guie/dist/pretrained/prepare_model";
import { temporaryFolder } from "../folders";

const golden = (name: string) => installPath("test/golden/weight_files", name);
const TOWER = golden("float64.safetensors");

/** Prepares a file; returns the values of one tensor, and the part that was taken. */
async function prepare(t: TestContext, from: string, part?: string) {
  const prepared = await prepareModel({ model: "tiny", from, part, out: temporaryFolder(t) });
  const file = openSafetensors(prepared.path);
  const values = file.read("ln_post.weight");
  file.close();
  return { values, part: prepared.part };
}

const refused = (t: TestContext, from: string, message: RegExp, part?: string) =>
  assert.rejects(
    prepareModel({ model: "tiny", from, part, out: temporaryFolder(t) }),
    (error: Error) => error instanceof UserError && message.test(error.message),
  );

/** Returns the values of make_weight_files.py's tower. */
function trueValues(): Float32Array {
  const file = openSafetensors(installPath("test/golden/vit.safetensors"));
  const values = file.read("clip/weights/ln_post.weight");
  file.close();
  return values;
}
const once = trueValues();
const twice = once.map((value) => 2 * value);

/** Files with two towers, and the tower that each --part takes (1: the first one's values, 2: twice these). */
const TWO: { file: string; parts: [string | undefined, 1 | 2, string][]; alone?: RegExp }[] = [
  {
    file: "dino.pth",
    parts: [
      [undefined, 2, "teacher.backbone"],
      ["teacher", 2, "teacher.backbone"],
      ["student", 1, "student.module.backbone"],
      ["student.module.backbone", 1, "student.module.backbone"],
    ],
  },
  {
    file: "timm_ema.pth.tar",
    parts: [
      ["state_dict", 1, "state_dict"],
      ["state_dict_ema", 2, "state_dict_ema"],
    ],
    alone:
      /holds 2 towers that fit, at state_dict, state_dict_ema.*Next: .*--part state_dict or --part state_dict_ema/s,
  },
  {
    file: "deit_ema.pth",
    parts: [
      ["model", 1, "model"],
      ["model_ema", 2, "model_ema"],
    ],
    alone: /--part model or --part model_ema/,
  },
  {
    file: "moco.pth",
    parts: [
      ["base_encoder", 1, "module.base_encoder"],
      ["momentum_encoder", 2, "module.momentum_encoder"],
    ],
    alone: /--part module\.base_encoder or --part module\.momentum_encoder/,
  },
  {
    file: "flat_ema.safetensors",
    parts: [
      ["model", 1, "model"],
      ["ema", 2, "ema"],
    ],
    alone: /--part ema or --part model/,
  },
];

for (const { file, parts, alone } of TWO) {
  test(`${file}: --part takes the named tower, and no tower is chosen silently`, async (t) => {
    for (const [part, times, label] of parts) {
      const { values, part: said } = await prepare(t, golden(file), part);
      assert.deepEqual(values, times === 1 ? once : twice);
      assert.equal(said?.taken, label);
      assert.equal(said.others.length, 1);
    }
    if (alone) await refused(t, golden(file), alone);
    await refused(t, golden(file), /has no part "nobody"; it holds towers at /, "nobody");
  });
}

test("a prepared file records its part, and refuses another", async (t) => {
  const out = temporaryFolder(t);
  const from = golden("deit_ema.pth");
  await prepareModel({ model: "tiny", from, part: "model_ema", out });
  assert.equal((await prepareModel({ model: "tiny", from, part: "model_ema", out })).written, false);
  await assert.rejects(
    prepareModel({ model: "tiny", from, part: "model", out }),
    /already exists, made from the part model_ema, expected model\./,
  );
  const alone = { model: "tiny", from: golden("nested_net.pt"), out: temporaryFolder(t) };
  await prepareModel(alone);
  await assert.rejects(
    prepareModel({ ...alone, part: "module" }),
    /already exists, made from a file's only tower, expected module\./,
  );
  const named = { ...alone, part: "module", out: temporaryFolder(t) };
  await prepareModel(named);
  assert.equal((await prepareModel(named)).written, false);
});

for (const file of [
  "nested_net.pt",
  "nested_teacher.pt",
  "nested_model_state_dict.pt",
  "averaged_model.pt",
  "float64.pt",
  "float64.safetensors",
  "no_crc.pt",
]) {
  test(`${file} is read`, async (t) => {
    const { values, part } = await prepare(t, golden(file));
    assert.deepEqual(values, once);
    assert.equal(part, undefined);
  });
}

for (const type of ["float8_e4m3fn", "float8_e5m2"]) {
  for (const ending of ["safetensors", "pt"]) {
    test(`${type}.${ending}: all 256 numbers are PyTorch's`, async () => {
      const file = await openWeights(golden(`${type}.${ending}`));
      const [found, expected] = [file.read("numbers"), file.read("expected")];
      assert.deepEqual([...found].map(String), [...expected].map(String));
      const matrix = Array.from({ length: 12 }, (_, i) => i - 6);
      const transposed = Array.from({ length: 12 }, (_, i) => matrix[(i % 3) * 4 + Math.floor(i / 3)]!);
      const equals = (a: Float32Array, b: number[]) => a.every((value, i) => value === b[i]! || value === 0);
      assert.ok(equals(file.read("matrix"), ending === "pt" ? transposed : matrix));
      file.close();
    });
  }
}

const REFUSED: [file: string, message: RegExp][] = [
  [
    "int8.safetensors",
    /holds quantised weights: \d+ tensors are I8 \(.*, \.\.\.\); it holds scales \(conv1\.weight_scale\).*Next: Take the original's weights/s,
  ],
  ["float8_scaled.safetensors", /holds quantised weights: \d+ tensors are F8_E4M3 \(.*; it holds scales/],
  ["quantised.pt", /asks for torch\._utils\._rebuild_qtensor.*Nothing was executed\.\n.*dequantize\(\)/s],
  [
    "beyond_float32.pt",
    /tensor "ln_post\.weight" has values that are NaN or infinite as float32: 1 of 16, the first Infinity \(number 3\)\. Nothing was written/,
  ],
];

for (const [file, message] of REFUSED) {
  test(`${file} is refused with a way out`, (t) => refused(t, golden(file), message));
}

test("a tensor with repeated numbers may be as large as its file, not 800 MB", async () => {
  const file = await openWeights(golden("expanded.pt"));
  assert.deepEqual([...file.read("small")], [1, 1, 1, 1, 1, 1]);
  const before = process.memoryUsage().arrayBuffers;
  assert.throws(
    () => file.read("weight"),
    /tensor "weight" \[200000000\] repeats its numbers \(strides \[0\]\): it would be larger than the file\.\n {2}Next: .*contiguous/,
  );
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
  file.close();
});

test("a flipped bit in a PyTorch archive with CRCs is refused", async (t) => {
  const whole = readFileSync(golden("float64.pt"));
  const path = join(temporaryFolder(t), "flipped.pt");
  const at = whole.indexOf(
    Buffer.from(once.length === 16 ? new Float64Array(once).buffer : new ArrayBuffer(0)),
  );
  assert.ok(at > 0, "the numbers of ln_post.weight");
  const flipped = Buffer.from(whole);
  flipped[at + 1]! ^= 1; // the lowest bits of a double: the same float32
  writeFileSync(path, flipped);
  await refused(
    t,
    path,
    /flipped\.pt is damaged: storage \d+ is not as it was written \(CRC-32 .*, expected .*\)/,
  );
  const inPickle = Buffer.from(whole);
  inPickle[whole.indexOf("ln_post.weight")]! ^= 1;
  writeFileSync(path, inPickle);
  await refused(t, path, /not a whole PyTorch file: data\.pkl is not as it was written \(CRC-32\)/);
});

test("files that are not weights are recognised, whatever their name", async (t) => {
  const folder = temporaryFolder(t);
  const page = "\n<!DOCTYPE html><html><body>Sign in</body></html>";
  const things: [string, string | Uint8Array, RegExp][] = [
    [
      "lfs",
      "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3940545000\n",
      /is a Git LFS pointer: the file itself \(3,940,545,000 bytes\) is not here.*git lfs pull/s,
    ],
    ["page", page, /is a web page, not a file of weights.*Download the file itself/s],
    ["zipped", gzipSync(readFileSync(TOWER)), /is compressed \(gzip\).*Unpack it/s],
    ["tar", Buffer.concat([Buffer.alloc(257), Buffer.from("ustar\0")]), /is a tar archive/],
    ["keras", Buffer.from("894844460d0a1a0a00", "hex"), /is an HDF5 file/],
    ["numpy", Buffer.from("934e554d50590100", "hex"), /is a NumPy array/],
    ["gguf", "GGUF\x03", /is a GGUF file/],
    ["onnx", Buffer.from("0808120770", "hex"), /is an ONNX file/],
    ["settings", '{"hidden_size": 768}', /does not fit: weight_map: .*An index of weights has a weight_map/s],
    ["text", "hello, this is no model", /is not a whole/],
  ];
  for (const [name, content, message] of things) {
    for (const ending of ["safetensors", "pt"]) {
      const path = join(folder, `${name}.${ending}`);
      writeFileSync(path, content);
      await refused(t, path, message);
      if (name !== "settings" && name !== "text") assert.throws(() => openSafetensors(path), message);
    }
  }
  await refused(t, installPath("test/golden/pytorch/whole_module.pt"), /Nothing was executed/);
});

test("formats are recognised by content: renamed files are read", async (t) => {
  const folder = temporaryFolder(t);
  for (const [from, to] of [
    ["float64.pt", "model.safetensors"],
    ["float64.safetensors", "model.pt"],
    ["float64.safetensors", "weights"],
  ]) {
    copyFileSync(golden(from!), join(folder, to!));
    assert.deepEqual((await prepare(t, join(folder, to!))).values, once);
  }
  assert.throws(
    () => openSafetensors(join(folder, "model.safetensors"), "make it"),
    /is a PyTorch file, whatever its name/,
  );
});

test("folders and single shards: the meant file is found, or the error names the choices", async (t) => {
  const folder = temporaryFolder(t);
  const inFolder = (name: string) => join(folder, name);
  await refused(t, folder, /is a folder without a file of weights; it holds nothing/);
  writeFileSync(inFolder("config.json"), "{}");
  copyFileSync(golden("float64.pt"), inFolder("mine.pth"));
  writeFileSync(inFolder("training_args.bin"), "no weights");
  assert.deepEqual((await prepare(t, folder)).values, once);
  copyFileSync(golden("float64.pt"), inFolder("other.pth"));
  await refused(
    t,
    folder,
    /is a folder with several files of weights: mine\.pth, other\.pth\.\n {2}Next: Name the file/,
  );

  const shards = temporaryFolder(t);
  const names = [1, 2].map((i) => `model-0000${i}-of-00002.safetensors`);
  copyFileSync(TOWER, join(shards, names[0]!));
  const index = join(shards, "model.safetensors.index.json");
  await refused(
    t,
    join(shards, names[0]!),
    /is file 1 of 2: .*Download all of them and their index, model\.safetensors\.index\.json/s,
  );
  await refused(t, shards, /is file 1 of 2/);
  const file = openSafetensors(TOWER);
  const map = Object.fromEntries([...file.tensors.keys()].map((name, i) => [name, names[i % 2]]));
  file.close();
  writeFileSync(index, JSON.stringify({ weight_map: map }));
  await refused(t, join(shards, names[0]!), new RegExp(`Name their index: ${index}`));
  await refused(t, shards, /names 2 files, of which 1 are missing: model-00002-of-00002/);
  copyFileSync(TOWER, join(shards, names[1]!));
  assert.deepEqual((await prepare(t, shards)).values, once);
  assert.deepEqual((await prepare(t, index)).values, once);
  mkdirSync(join(shards, "sub"));
  assert.throws(() => openSafetensors(join(shards, "sub")), /it is a folder, not a file/);
});

const CASES = process.env.GUIE_CASES ?? installPath("../shared/cases");

test("the cases that failed once", { skip: !existsSync(CASES) && "the cases are not here" }, async (t) => {
  const at = (name: string) => join(CASES, "weights", `${name}.safetensors`);
  for (const name of ["A", "B", "big"]) await prepare(t, at(name));
  await refused(
    t,
    at("nan"),
    /tensor "ln_post\.weight" has values that are NaN or infinite as float32: 1 of 16, the first NaN/,
  );
  await refused(t, at("lfs"), /is a Git LFS pointer: the file itself \(3,940,545,000 bytes\)/);
});
