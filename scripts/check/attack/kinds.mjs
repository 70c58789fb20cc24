// Kinds of files that the project reads: a valid sample of each, and its reader.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const fromLib = (path) => require(`guie/dist/${path}`);
const fromTests = (path) => require(join(root, `build/test/${path}.js`));

/** Returns a hash of numbers, texts and bytes. */
function digestOf(...parts) {
  const hash = createHash("sha256");
  for (const part of parts)
    hash.update(
      ArrayBuffer.isView(part)
        ? Buffer.from(part.buffer, part.byteOffset, part.byteLength)
        : JSON.stringify(part),
    );
  return hash.digest("hex");
}

/** Returns every file below a folder: relative path -> bytes. */
export function filesBelow(folder) {
  const paths = readdirSync(folder, { recursive: true }).filter((path) =>
    statSync(join(folder, path)).isFile(),
  );
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(folder, path))]));
}

const image = (make) => ({
  make: async () => ({ "a.image": await make() }),
  read: async (folder) => {
    const { data, width, height } = await fromLib("images/decode").decodeRgb(join(folder, "a.image"));
    return digestOf([width, height], data);
  },
});

function drawn(format) {
  const [width, height] = [64, 48];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * i) % 251);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .toFormat(format)
    .toBuffer();
}

const oddImage = (wanted) => {
  const images = JSON.parse(readFileSync(join(root, "test/golden/odd_images.json"), "utf8"));
  return Buffer.from(images.find(({ name }) => name === wanted).file, "base64");
};

const weights = (make) => ({
  make,
  read: async (folder) => {
    const [name] = readdirSync(folder);
    const file = await fromLib("formats/open_weights").openWeights(join(folder, name));
    try {
      const { READABLE_DTYPES } = fromLib("formats/dtypes");
      const values = [...file.tensors].filter(([, { dtype }]) => READABLE_DTYPES.includes(dtype));
      return digestOf([...file.tensors], ...values.map(([tensor]) => file.read(tensor)));
    } finally {
      file.close();
    }
  },
});

const archive = (name, makeArchive) => ({
  make: async () => {
    const entries = ["train/1.jpg", "train/2.jpg", "test/3.txt"].map((path) => ({
      path,
      content: path.repeat(40),
    }));
    return { [name]: fromTests("datasets/make_archives")[makeArchive](entries) };
  },
  read: async (folder) => {
    await fromLib("datasets/archives/unpack").unpackArchive(folder, name);
    const { [name]: _archive, ...files } = filesBelow(folder);
    const unpacked = Object.entries(files).filter(([path]) => !path.endsWith(".unpacked"));
    return digestOf(...unpacked.flat());
  },
});

async function featureFiles({ scratch }) {
  const folder = join(scratch, "sample features");
  const { writeFeatures } = fromLib("features/feature_writer");
  const random = fromLib("common/random").randomStream(3, "rows");
  const [count, length] = [200, 16];
  const data = Float32Array.from({ length: count * length }, () => random.normal());
  const rows = {
    files: Array.from({ length: count }, (_, i) => `${i}.jpg`),
    labels: Int32Array.from({ length: count }, (_, i) => i % 9),
  };
  const madeBy = { run: "attack", views: "whole", folder: "/nowhere" };
  const features = await writeFeatures(folder, { rows, madeBy, replace: true }, { data, count, length });
  await search(folder); // builds the search graph
  return filesBelow(features.folder);
}

/** Searches a folder of features by its graph; returns a hash of the result. */
async function search(folder) {
  const features = fromLib("features/feature_files").openFeatures(folder);
  const vectors = features.readAll();
  const { index } = await fromLib("serving/searcher").approximateSearcher({ vectors, features });
  const queries = { data: vectors.data.slice(0, 4 * vectors.length), count: 4, length: vectors.length };
  const { positions } = await index.search(queries, 5);
  return digestOf(...positions);
}

/**
 * name -> { make: files of a valid sample by path; mutates: tells which may be mutated; read: returns a hash of the
 * content }.
 */
export const KINDS = {
  jpg: image(() => drawn("jpeg")),
  png: image(() => drawn("png")),
  gif: image(() => drawn("gif")),
  webp: image(() => drawn("webp")),
  tiff: image(() => drawn("tiff")),
  avif: image(() => drawn("avif")),
  bmp: image(() =>
    fromTests("images/make").bmp(
      fromTests("images/make").draw(31, 20, (x, y, c) => x * y + c),
      24,
    ),
  ),
  heic: image(() => oddImage("heic")),
  safetensors: weights(async ({ tiny }) => ({
    "last.safetensors": readFileSync(join(tiny.run, "last.safetensors")),
  })),
  pt: weights(async () => ({ "clip.pt": readFileSync(join(root, "test/golden/pytorch/clip.pt")) })),
  onnx: {
    make: async ({ tiny, scratch }) => {
      const out = join(scratch, "sample onnx");
      await fromLib("export/export_run").exportRun({ run: tiny.run, format: "onnx", out });
      return { "model.onnx": readFileSync(join(out, "model.onnx")) };
    },
    read: async (folder) => {
      const { tensors, nodeInputs } = fromLib("formats/onnx").readOnnx(join(folder, "model.onnx"));
      const values = [...tensors.values()].flatMap(({ shape, values }) => [shape, values()]);
      return digestOf([...tensors.keys()], [...nodeInputs], ...values);
    },
  },
  features: {
    make: featureFiles,
    mutates: (path) => !path.endsWith(".usearch"),
    read: async (folder) => {
      const features = fromLib("features/feature_files").openFeatures(folder);
      const { files, labels } = await features.readRows();
      return digestOf([...files], [...(labels ?? [])], features.readAll().data, features.madeBy);
    },
  },
  usearch: { make: featureFiles, mutates: (path) => path.includes("usearch"), read: search },
  csv: {
    make: async ({ tiny }) =>
      Object.fromEntries(
        ["queries", "index"].map((name) => [
          `retrieval/${name}.csv`,
          readFileSync(join(tiny.dataDir, `retrieval/${name}.csv`)),
        ]),
      ),
    read: async (folder) => {
      const { queries, index } = await fromLib("training/data/read_run_data").readRetrievalFiles(folder);
      return digestOf([...queries.files], [...queries.labels], [...index.files], [...index.labels]);
    },
  },
  zip: archive("a.zip", "makeZip"),
  tar: archive("a.tar", "makeTar"),
  tgz: archive("a.tgz", "makeTgz"),
  "run's json": {
    make: async ({ tiny }) => ({ "config.json": readFileSync(join(tiny.run, "config.json")) }),
    read: async (folder) => digestOf(fromLib("runs/run_folder").readRunConfig(folder)),
  },
};
