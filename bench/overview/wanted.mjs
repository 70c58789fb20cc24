// The rows of `npm run bench all`: each names a case of a benchmark, its peer, and the ratio that is wanted of it.
import { TORCH } from "../shared/report.mjs";

const COMPILED = "torch 2.13 compile";
const AUTOCAST = "torch 2.13 autocast";
const ONNX = "onnxruntime-node 1.30";
const GLOO = "torch 2.13 gloo";
const FAISS = "faiss-cpu 1.15 IndexFlatIP";
const PANDAS = "pandas 3.1";

/**
 * @typedef {object} Row
 * @property {string} title what people read
 * @property {string} bench name of the benchmark
 * @property {string} case name of its case, whole
 * @property {string} peer
 * @property {number} [wanted] the ratio ours / theirs that is wanted: above 1, ours is better
 * @property {"memory"} [measure] the peak memory of the case, theirs / ours; default: its speed
 */

/** @type {readonly Row[]} */
export const ROWS = [
  ...model("ViT-S/14 112 px forward, batch 32", "vit-s/14 112px forward", { eager: 1.3, compiled: 1.15 }),
  ...model("ViT-S/14 112 px step, batch 32", "vit-s/14 112px step", { eager: 1.3, compiled: 1.15 }),
  ...model("ViT-B/14 224 px forward, batch 8", "vit-b/14 224px forward", { eager: 1.18, compiled: 1.14 }),
  ...model("ViT-B/14 224 px step, batch 8", "vit-b/14 224px step", { eager: 1.2, compiled: 1.15 }),
  ...["forward", "step"].map((work) => ({
    title: `ViT-B/14 224 px ${work} in bfloat16`,
    bench: "vit",
    case: `vit-b/14 224px bfloat16 ${work}`,
    peer: AUTOCAST,
  })),
  ...["vit-s/14 112px forward", "vit-s/14 112px step", "vit-b/14 224px step"].map((name) => ({
    title: `peak memory of ${name}`,
    bench: "vit",
    case: name,
    peer: TORCH,
    wanted: 1,
    measure: /** @type {const} */ ("memory"),
  })),
  embedding("ViT-B/32, one image", "vit-b/32 224px batch 1", 1),
  embedding("ViT-S/14, one image", "vit-s/14 112px batch 1", 1),
  embedding("ViT-B/32, 32 images", "vit-b/32 224px batch 32", 1.2),
  embedding("ViT-S/14, 32 images", "vit-s/14 112px batch 32", 1.2),
  {
    title: "resize 1,392 px photos",
    bench: "resize",
    case: "photos 1392 px",
    peer: "opencv 5.0 imread, resize, imwrite, one thread",
    wanted: 3.3,
  },
  {
    title: "load and augment 224 px images",
    bench: "loader",
    case: "224 px, full augmentation",
    peer: "torch 2.13 DataLoader, 2 workers, OpenCV, albumentations 2.0",
    wanted: 1.3,
  },
  {
    title: "fine-tuning from image files",
    bench: "train",
    case: "demo fine-tuning, vit-s/14",
    peer: `${TORCH}, DataLoader`,
    wanted: 1.2,
  },
  ...[1, 10, 100].map((megabytes) => ({
    title: `all-reduce of ${megabytes} MB`,
    bench: "allreduce",
    case: `${megabytes} MB, 2 processes`,
    peer: GLOO,
    wanted: 0.8,
  })),
  search("exact search of 200,000 rows, k = 5", "5,000 x 200,000 x 64, k=5", 1.4),
  search("exact search of 200,000 rows, k = 100", "5,000 x 200,000 x 64, k=100", 1),
  {
    title: "merge to 6.0 M rows",
    bench: "merge",
    case: "merge, sample, resample, folds: 3 M rows",
    peer: PANDAS,
    wanted: 5.5,
  },
  {
    title: "opening the training table of 6 M rows",
    bench: "merge",
    case: "open for training: 6 M rows",
    peer: PANDAS,
    wanted: 1.2,
  },
  {
    title: "frozen head with 35,000 classes",
    bench: "frozen_head",
    case: "100000 x 1280 features, 35000 classes x 3, batch 128",
    peer: TORCH,
    wanted: 2.5,
  },
];

/** @returns {Row[]} */
function model(title, name, { eager, compiled }) {
  return [
    { title: `${title}, eager`, bench: "vit", case: name, peer: TORCH, wanted: eager },
    { title: `${title}, compiled`, bench: "vit", case: name, peer: COMPILED, wanted: compiled },
  ];
}

/** @returns {Row} */
function embedding(title, name, wanted) {
  return { title: `embed ${title}`, bench: "embed", case: name, peer: ONNX, wanted };
}

/** @returns {Row} */
function search(title, name, wanted) {
  return { title, bench: "knn", case: name, peer: FAISS, wanted };
}
