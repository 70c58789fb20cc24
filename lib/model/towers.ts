// Look-up of towers by name, and the names and shapes of their weights.
import { nearestName, UserError } from "../common/errors";
import type { Tower } from "./tower";
import { TOWERS } from "./tower_rows";
import { blockName } from "./weight_names";

export { TOWERS };

/**
 * Returns the tower of that name.
 * @throws UserError for an unknown name, with the nearest one and the list of all
 * @example
 * findTower("dinov2-vit-s-14").width // 384
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
 * Returns the number of patches along one side of an image. Only the tower's own image size may leave pixels after the
 * last whole patch, which are dropped as in a convolution (a SigLIP has 384 px in patches of 14).
 * @throws UserError if another image size is not a positive multiple of the tower's patch size
 */
export function patchGrid(tower: Tower, imageSizePx: number): number {
  const grid = imageSizePx / tower.patchSizePx;
  if (imageSizePx === tower.imageSizePx) return Math.floor(grid);
  if (Number.isInteger(grid) && grid > 0) return grid;
  const below = Math.max(1, Math.floor(grid)) * tower.patchSizePx;
  throw new UserError(
    `${tower.name} needs an image size that is a multiple of ${tower.patchSizePx} px, got ${imageSizePx} px.`,
    `Set the image size to ${below} or ${below + tower.patchSizePx}.`,
  );
}

/** Returns the number of tokens before the patches: class token and registers. */
export function prefixTokens({ classToken, registers }: Tower): number {
  return (classToken ? 1 : 0) + registers;
}

/**
 * Returns the hidden width of the MLP. The product is truncated as in open_clip: 1408 * 4.3637 = 6144.09 is 6144.
 * SwiGLU has two thirds of it, so that its three matrices are as large as GELU's two, rounded up to a multiple of 8
 * (DINOv2: `SwiGLUFFNFused`).
 */
export function mlpWidth({ width, mlpRatio, activation }: Tower): number {
  const hidden = Math.floor(width * mlpRatio);
  return activation === "swiGlu" ? Math.ceil(Math.floor((hidden * 2) / 3) / 8) * 8 : hidden;
}

/**
 * Returns name and shape of every tensor of a tower's checkpoint, in the order of the computation, under open_clip's
 * names (`model.visual`). Tensors that open_clip lacks are named as in DINOv2 (`register_tokens`, `mlp.w12`, `mlp.w3`)
 * and timm (`attn_pool`). Matrices are [out, in] as in PyTorch; `attn.in_proj_weight` holds query, key, value.
 * @example
 * towerShapes(findTower("ViT-B-32")).get("class_embedding") // [768]
 */
export function towerShapes(tower: Tower): Map<string, readonly number[]> {
  const { width: D, patchSizePx: P, layers, projectionWidth, registers } = tower;
  const shapes: Shape[] = [
    ...present(tower.classToken, [["class_embedding", [D]]]),
    ...present(registers > 0, [["register_tokens", [registers, D]]]),
    ["conv1.weight", [D, 3, P, P]],
    ...present(tower.patchBias, [["conv1.bias", [D]]]),
    ["positional_embedding", [(tower.classToken ? 1 : 0) + tower.positionGrid ** 2, D]],
    ...present(tower.lnPre, affine("ln_pre", [D])),
  ];
  for (let i = 0; i < layers; i++) shapes.push(...blockShapes(tower, blockName(i)));
  shapes.push(...affine("ln_post", [D]));
  if (tower.pooling === "attention") shapes.push(...attentionPoolShapes(tower));
  if (projectionWidth !== null) shapes.push(["proj", [D, projectionWidth]]);
  return new Map(shapes);
}

type Shape = [name: string, shape: readonly number[]];

const present = (condition: boolean, shapes: Shape[]): Shape[] => (condition ? shapes : []);

/** Returns a weight of that shape and its bias, one number per row. */
const affine = (name: string, shape: readonly number[]): Shape[] => [
  [`${name}.weight`, shape],
  [`${name}.bias`, [shape[0]!]],
];

function blockShapes(tower: Tower, block: string): Shape[] {
  const D = tower.width;
  const hidden = mlpWidth(tower);
  const mlp =
    tower.activation === "swiGlu"
      ? [...affine("mlp.w12", [2 * hidden, D]), ...affine("mlp.w3", [D, hidden])]
      : [...affine("mlp.c_fc", [hidden, D]), ...affine("mlp.c_proj", [D, hidden])];
  const rows: Shape[] = [
    ...affine("ln_1", [D]),
    ["attn.in_proj_weight", [3 * D, D]],
    ["attn.in_proj_bias", [3 * D]],
    ...affine("attn.out_proj", [D, D]),
    ...present(tower.layerScale, [["ls_1.gamma", [D]]]),
    ...affine("ln_2", [D]),
    ...mlp,
    ...present(tower.layerScale, [["ls_2.gamma", [D]]]),
  ];
  return rows.map(([name, shape]) => [`${block}.${name}`, shape]);
}

/** Returns the shapes of the attention pooling. timm: `AttentionPoolLatent`. */
function attentionPoolShapes(tower: Tower): Shape[] {
  const D = tower.width;
  const hidden = mlpWidth(tower);
  const rows: Shape[] = [
    ["latent", [1, 1, D]],
    ...affine("q", [D, D]),
    ...affine("kv", [2 * D, D]),
    ...affine("proj", [D, D]),
    ...affine("norm", [D]),
    ...affine("mlp.fc1", [hidden, D]),
    ...affine("mlp.fc2", [D, hidden]),
  ];
  return rows.map(([name, shape]) => [`attn_pool.${name}`, shape]);
}

/**
 * Returns the number of parameters of a tower's checkpoint, computed from the shapes; without `proj` if not requested.
 * @example
 * parameterCount(findTower("ViT-H-14"))
 */
export function parameterCount(tower: Tower, { projection = true } = {}): number {
  let count = 0;
  for (const [name, shape] of towerShapes(tower)) {
    if (projection || name !== "proj") count += shape.reduce((product, size) => product * size, 1);
  }
  return count;
}
