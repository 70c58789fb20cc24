// The table of all towers, one row each; members of a family share its common properties.
import type { Activation, Tower } from "./tower";

const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_STD = [0.229, 0.224, 0.225] as const;
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;
const HALF = [0.5, 0.5, 0.5] as const;

/** open_clip's image towers: pre-LayerNorm, no patch bias, no LayerScale, CLIP's mean and std. */
const CLIP = {
  layerNormEpsilon: 1e-5,
  classToken: true,
  registers: 0,
  lnPre: true,
  patchBias: false,
  layerScale: false,
  mean: CLIP_MEAN,
  std: CLIP_STD,
  resampling: "antialiased",
  activation: "gelu",
  pooling: "class",
} as const;

/** DINOv2: patch bias, LayerScale, no pre-LayerNorm, no projection, trained at 518 px (a grid of 37 x 37). */
const DINOV2 = {
  imageSizePx: 224,
  patchSizePx: 14,
  mlpRatio: 4,
  layerNormEpsilon: 1e-6,
  classToken: true,
  lnPre: false,
  patchBias: true,
  layerScale: true,
  projectionWidth: null,
  mean: IMAGENET_MEAN,
  std: IMAGENET_STD,
  positionGrid: 37,
  pooling: "class",
} as const;

/** SigLIP and SigLIP 2: no class token, attention pooling, no projection. */
const SIGLIP = {
  layerNormEpsilon: 1e-6,
  classToken: false,
  registers: 0,
  lnPre: false,
  patchBias: true,
  layerScale: false,
  projectionWidth: null,
  mean: HALF,
  std: HALF,
  resampling: "antialiased",
  // As in the original and Hugging Face's code; timm builds some of these towers with the exact GELU.
  activation: "geluTanh",
  pooling: "attention",
} as const;

/** open_clip's `model_configs` that have weights: one line of numbers per tower. */
const CLIP_SIZES = [
  ["ViT-B-32", 224, 32, 768, 12, 12, 4, 512],
  ["ViT-B-32-256", 256, 32, 768, 12, 12, 4, 512],
  ["ViT-B-16", 224, 16, 768, 12, 12, 4, 512],
  ["ViT-B-16-plus-240", 240, 16, 896, 12, 14, 4, 640],
  ["ViT-L-14", 224, 14, 1024, 24, 16, 4, 768],
  ["ViT-L-14-336", 336, 14, 1024, 24, 16, 4, 768],
  ["ViT-H-14", 224, 14, 1280, 32, 16, 4, 1024],
  ["ViT-H-14-378", 378, 14, 1280, 32, 16, 4, 1024],
  ["ViT-g-14", 224, 14, 1408, 40, 16, 4.3637, 1024],
  ["ViT-bigG-14", 224, 14, 1664, 48, 16, 4.9231, 1280],
] as const;

const CLIP_TOWERS: readonly Tower[] = CLIP_SIZES.map(
  ([name, imageSizePx, patchSizePx, width, layers, heads, mlpRatio, projectionWidth]) => ({
    ...CLIP,
    name,
    imageSizePx,
    patchSizePx,
    width,
    layers,
    heads,
    mlpRatio,
    projectionWidth,
    positionGrid: imageSizePx / patchSizePx,
  }),
);

/** Towers without an open_clip config with OpenAI's activation. */
const GELU_ONLY: readonly string[] = ["ViT-B-32-256", "ViT-B-16-plus-240", "ViT-g-14"];

/** Towers of the same shapes with the activation of OpenAI's CLIP. */
const QUICK_GELU_TOWERS: readonly Tower[] = CLIP_TOWERS.filter(({ name }) => !GELU_ONLY.includes(name)).map(
  (tower) => ({ ...tower, name: `${tower.name}-quickgelu`, activation: "quickGelu" }),
);

const DINOV2_SIZES: readonly (readonly [string, number, number, number, Activation])[] = [
  ["dinov2-vit-s-14", 384, 12, 6, "gelu"],
  ["dinov2-vit-b-14", 768, 12, 12, "gelu"],
  ["dinov2-vit-l-14", 1024, 24, 16, "gelu"],
  ["dinov2-vit-g-14", 1536, 40, 24, "swiGlu"],
];

/** Each size without and with registers. */
const DINOV2_TOWERS: readonly Tower[] = DINOV2_SIZES.flatMap(([name, width, layers, heads, activation]) => {
  const size = { ...DINOV2, width, layers, heads, activation };
  // The demo's ViT-S weights were trained with Hugging Face's code, which has no offset.
  const resampling = name === "dinov2-vit-s-14" ? "bicubic" : "offset";
  return [
    { ...size, name, registers: 0, resampling },
    { ...size, name: `${name}-reg4`, registers: 4, resampling: "antialiased" },
  ];
});

/** Patch size, width, layers, heads, MLP ratio of SigLIP's sizes. */
const SIGLIP_SIZES = {
  "B-32": [32, 768, 12, 12, 4],
  "B-16": [16, 768, 12, 12, 4],
  "L-16": [16, 1024, 24, 16, 4],
  "SO400M-14": [14, 1152, 27, 16, 3.7362],
  "SO400M-16": [16, 1152, 27, 16, 3.7362],
  "gopt-16": [16, 1536, 40, 16, 4],
} as const;

/** open_clip's SigLIP models; a name without an image size means 224 px. */
const SIGLIP_NAMES: readonly (readonly [keyof typeof SIGLIP_SIZES, suffix: string])[] = [
  ["B-16", "SigLIP"],
  ["B-16", "SigLIP-256"],
  ["B-16", "SigLIP-384"],
  ["B-16", "SigLIP-512"],
  ["L-16", "SigLIP-256"],
  ["L-16", "SigLIP-384"],
  ["SO400M-14", "SigLIP"],
  ["SO400M-14", "SigLIP-378"],
  ["SO400M-14", "SigLIP-384"],
  ["B-32", "SigLIP2-256"],
  ["B-16", "SigLIP2"],
  ["B-16", "SigLIP2-256"],
  ["B-16", "SigLIP2-384"],
  ["B-16", "SigLIP2-512"],
  ["L-16", "SigLIP2-256"],
  ["L-16", "SigLIP2-384"],
  ["L-16", "SigLIP2-512"],
  ["SO400M-14", "SigLIP2"],
  ["SO400M-14", "SigLIP2-378"],
  ["SO400M-16", "SigLIP2-256"],
  ["SO400M-16", "SigLIP2-384"],
  ["SO400M-16", "SigLIP2-512"],
  ["gopt-16", "SigLIP2-256"],
  ["gopt-16", "SigLIP2-384"],
];

const SIGLIP_TOWERS: readonly Tower[] = SIGLIP_NAMES.map(([size, suffix]) => {
  const [patchSizePx, width, layers, heads, mlpRatio] = SIGLIP_SIZES[size];
  const imageSizePx = Number(suffix.split("-")[1] ?? 224);
  const positionGrid = Math.floor(imageSizePx / patchSizePx);
  const name = `ViT-${size}-${suffix}`;
  return { ...SIGLIP, name, imageSizePx, patchSizePx, width, layers, heads, mlpRatio, positionGrid };
});

/** All towers. `tiny` has a few thousand random parameters and is for tests only. */
export const TOWERS: readonly Tower[] = [
  ...DINOV2_TOWERS,
  ...CLIP_TOWERS,
  ...QUICK_GELU_TOWERS,
  ...SIGLIP_TOWERS,
  {
    ...CLIP,
    name: "tiny",
    imageSizePx: 28,
    patchSizePx: 7,
    width: 16,
    layers: 2,
    heads: 2,
    mlpRatio: 2,
    projectionWidth: null,
    positionGrid: 4,
  },
];
