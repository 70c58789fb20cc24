import { nearestName, UserError } from "../common/errors";

/**
 * What distinguishes one Vision Transformer from another; the computation itself is `vitFeatures`.
 * A tower is data only: a new one of this family is a new row of the table.
 */
export interface Tower {
  /** open_clip's or DINOv2's own name. */
  name: string;
  /** Side of the square input that the tower is meant for; other multiples of the patch size work as well. */
  imageSizePx: number;
  /** Side of a square patch; one patch is one token. */
  patchSizePx: number;
  /** Width of a token: D. */
  width: number;
  /** Number of transformer blocks. */
  layers: number;
  /** Attention heads; each is width / heads wide. */
  heads: number;
  /** Hidden width of the MLP divided by the width (`mlpWidth`). */
  mlpRatio: number;
  layerNormEpsilon: number;
  /** A LayerNorm before the first block (CLIP). */
  lnPre: boolean;
  /** The patch embedding has a bias (DINOv2). */
  patchBias: boolean;
  /** Each residual branch is scaled per channel (DINOv2's LayerScale). */
  layerScale: boolean;
  /** Width behind the projection `proj` of the checkpoint, or null without one. Features never pass through it. */
  projectionWidth: number | null;
  /** Mean and standard deviation of each channel (RGB) by which an image in 0..1 is normalised. */
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
  /** Side G of the patch grid in which the position embedding was trained and is stored: [1 + G * G, D]. */
  positionGrid: number;
  activation: Activation;
}

/** The activation of the MLP: GELU exactly, by the error function, or x * sigmoid(1.702 x). */
export type Activation = "gelu" | "quickGelu";

const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_STD = [0.229, 0.224, 0.225] as const;
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;

/** open_clip's image towers: pre-LayerNorm, no patch bias, no LayerScale, CLIP's mean and std. */
const CLIP = {
  layerNormEpsilon: 1e-5,
  lnPre: true,
  patchBias: false,
  layerScale: false,
  mean: CLIP_MEAN,
  std: CLIP_STD,
  activation: "gelu",
} as const;

/** DINOv2: patch bias, LayerScale, no pre-LayerNorm, no projection, trained at 518 px (a grid of 37 x 37). */
const DINOV2 = {
  imageSizePx: 224,
  patchSizePx: 14,
  mlpRatio: 4,
  layerNormEpsilon: 1e-6,
  lnPre: false,
  patchBias: true,
  layerScale: true,
  projectionWidth: null,
  mean: IMAGENET_MEAN,
  std: IMAGENET_STD,
  positionGrid: 37,
  activation: "gelu",
} as const;

/** open_clip's `model_configs`: one line of numbers a tower. */
const CLIP_SIZES = [
  ["ViT-B-32", 224, 32, 768, 12, 12, 4, 512],
  ["ViT-B-16", 224, 16, 768, 12, 12, 4, 512],
  ["ViT-L-14", 224, 14, 1024, 24, 16, 4, 768],
  ["ViT-L-14-336", 336, 14, 1024, 24, 16, 4, 768],
  ["ViT-H-14", 224, 14, 1280, 32, 16, 4, 1024],
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

/** The same shapes with the activation of OpenAI's CLIP; open_clip has no such config of ViT-g-14. */
const QUICK_GELU_TOWERS: readonly Tower[] = CLIP_TOWERS.filter(({ name }) => name !== "ViT-g-14").map(
  (tower) => ({ ...tower, name: `${tower.name}-quickgelu`, activation: "quickGelu" }),
);

/** All towers. `tiny` has a few thousand random parameters: it is for tests and claims nothing. */
export const TOWERS: readonly Tower[] = [
  { ...DINOV2, name: "dinov2-vit-s-14", width: 384, layers: 12, heads: 6 },
  { ...DINOV2, name: "dinov2-vit-b-14", width: 768, layers: 12, heads: 12 },
  { ...DINOV2, name: "dinov2-vit-l-14", width: 1024, layers: 24, heads: 16 },
  ...CLIP_TOWERS,
  ...QUICK_GELU_TOWERS,
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

/**
 * The tower of that name.
 * @throws UserError naming the nearest one and all there are
 */
export function findTower(name: string): Tower {
  const tower = TOWERS.find((row) => row.name === name);
  if (tower) return tower;
  const names = TOWERS.map((row) => row.name);
  const near = nearestName(name, names);
  throw new UserError(
    `There is no model named "${name}".`,
    `${near ? `Did you mean "${near}"? ` : ""}Known: ${names.join(", ")}.`,
  );
}

/**
 * Number of patches along one side of an image.
 * @throws UserError when the image size is not a positive multiple of the tower's patch size
 */
export function patchGrid(tower: Tower, imageSizePx: number): number {
  const grid = imageSizePx / tower.patchSizePx;
  if (Number.isInteger(grid) && grid > 0) return grid;
  const below = Math.max(1, Math.floor(grid)) * tower.patchSizePx;
  throw new UserError(
    `${tower.name} needs an image size that is a multiple of ${tower.patchSizePx} px, got ${imageSizePx} px.`,
    `Set the image size to ${below} or ${below + tower.patchSizePx}.`,
  );
}

/** Hidden width of the MLP; open_clip cuts the product off: 1408 * 4.3637 = 6144.09 is 6144. */
export function mlpWidth({ width, mlpRatio }: Tower): number {
  return Math.floor(width * mlpRatio);
}

/**
 * Name and shape of every tensor of a tower's checkpoint, in the order of the computation, under open_clip's
 * names (`model.visual`). Matrices are [out, in] as in PyTorch; `attn.in_proj_weight` holds query, key, value.
 */
export function towerShapes(tower: Tower): Map<string, readonly number[]> {
  const { width: D, patchSizePx: P, layers, projectionWidth } = tower;
  const norm = (name: string): Shape[] => [
    [`${name}.weight`, [D]],
    [`${name}.bias`, [D]],
  ];
  const shapes: Shape[] = [
    ["class_embedding", [D]],
    ["conv1.weight", [D, 3, P, P]],
    ...(tower.patchBias ? ([["conv1.bias", [D]]] as Shape[]) : []),
    ["positional_embedding", [1 + tower.positionGrid ** 2, D]],
    ...(tower.lnPre ? norm("ln_pre") : []),
  ];
  for (let i = 0; i < layers; i++) shapes.push(...blockShapes(tower, `transformer.resblocks.${i}`));
  shapes.push(...norm("ln_post"));
  if (projectionWidth !== null) shapes.push(["proj", [D, projectionWidth]]);
  return new Map(shapes);
}

type Shape = [name: string, shape: readonly number[]];

function blockShapes(tower: Tower, block: string): Shape[] {
  const D = tower.width;
  const hidden = mlpWidth(tower);
  const rows: Shape[] = [
    ["ln_1.weight", [D]],
    ["ln_1.bias", [D]],
    ["attn.in_proj_weight", [3 * D, D]],
    ["attn.in_proj_bias", [3 * D]],
    ["attn.out_proj.weight", [D, D]],
    ["attn.out_proj.bias", [D]],
    ["ls_1.gamma", [D]],
    ["ln_2.weight", [D]],
    ["ln_2.bias", [D]],
    ["mlp.c_fc.weight", [hidden, D]],
    ["mlp.c_fc.bias", [hidden]],
    ["mlp.c_proj.weight", [D, hidden]],
    ["mlp.c_proj.bias", [D]],
    ["ls_2.gamma", [D]],
  ];
  return rows
    .filter(([name]) => tower.layerScale || !name.startsWith("ls_"))
    .map(([name, shape]) => [`${block}.${name}`, shape]);
}

/** Number of parameters of a tower's checkpoint, computed from the shapes; without `proj` where it is left out. */
export function parameterCount(tower: Tower, { projection = true } = {}): number {
  let count = 0;
  for (const [name, shape] of towerShapes(tower)) {
    if (projection || name !== "proj") count += shape.reduce((product, size) => product * size, 1);
  }
  return count;
}
