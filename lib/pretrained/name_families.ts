// The names of a Vision Transformer's weights in the field's libraries, and their conversion to open_clip's names.

/** A source of values: a tensor unchanged, some of its rows, or a transposed matrix. */
export type Source =
  | string
  /** Rows from `from` to `to` (exclusive), counted in `of`-ths of all. */
  | { rows: string; from: number; to: number; of: number }
  | { transposed: string };

/** Libraries whose names a tower's weights can be exported under. */
export const LIBRARIES = ["open_clip", "timm", "dinov2", "huggingface"] as const;
/** A library of this list. */
export type Library = (typeof LIBRARIES)[number];

/** A family of names for a tower's weights. In names `*` is a block's number, `#` is `weight` or `bias`. */
export interface NameFamily {
  /** The owner of the names, for people. */
  name: string;
  /** Names that mark the family: a file is of the first family that has all of these below a common prefix. */
  signs: readonly string[];
  /** open_clip's names -> sources, to concatenate if several. `^` ignores the prefix. */
  names: Readonly<Record<string, Source | readonly Source[]>>;
  /** Other tensors of such files, which no feature needs. */
  ignored: RegExp;
  /** True if the class token's position may be part of the token: then the file has no position for it. */
  foldsClassPosition?: boolean;
  library: Library;
  /** Prefix of the names in the library's own files. */
  prefix?: string;
  /** Names of tensors with leading axes of length 1 -> number of these axes. */
  leadingAxes?: Readonly<Record<string, number>>;
  /** A tensor of the library's own model that no feature depends on, [1, D]. */
  unused?: string;
}

const BLOCK = "transformer.resblocks.*";

/** Returns names within each block: open_clip's -> theirs. */
function inBlocks(
  theirs: string,
  layers: Record<string, string | readonly string[]>,
): Record<string, Source | readonly Source[]> {
  const whole = (name: string) => `${theirs}.${name}`;
  return Object.fromEntries(
    Object.entries(layers).map(([ours, names]) => [
      `${BLOCK}.${ours}`,
      typeof names === "string" ? whole(names) : names.map(whole),
    ]),
  );
}

/** Names of SigLIP's attention pooling in timm, in open_clip's timm towers and in this project. */
const ATTENTION_POOL = Object.fromEntries(
  ["latent", "q.#", "kv.#", "proj.#", "norm.#", "mlp.fc1.#", "mlp.fc2.#"].map((layer) => {
    const name = `attn_pool.${layer}`;
    return [name, name];
  }),
);

const TIMM_AXES = { cls_token: 2, pos_embed: 1 };

/** Names outside the blocks that timm and DINOv2's own code share. */
const TIMM_OUTSIDE = {
  class_embedding: "cls_token",
  "conv1.#": "patch_embed.proj.#",
  positional_embedding: "pos_embed",
  "ln_post.#": "norm.#",
};
const TIMM_BLOCK = {
  "ln_1.#": "norm1.#",
  "attn.in_proj_#": "attn.qkv.#",
  "attn.out_proj.#": "attn.proj.#",
  "ls_1.gamma": "ls1.gamma",
  "ln_2.#": "norm2.#",
  "mlp.c_fc.#": "mlp.fc1.#",
  "mlp.c_proj.#": "mlp.fc2.#",
  "ls_2.gamma": "ls2.gamma",
};

/** Names outside the blocks that Hugging Face's CLIP and SigLIP share. */
const HF_CLIP_OUTSIDE = {
  "conv1.#": "embeddings.patch_embedding.#",
  positional_embedding: "embeddings.position_embedding.weight",
  "ln_post.#": "post_layernorm.#",
  ...inBlocks("encoder.layers.*", {
    "ln_1.#": "layer_norm1.#",
    "attn.in_proj_#": ["self_attn.q_proj.#", "self_attn.k_proj.#", "self_attn.v_proj.#"],
    "attn.out_proj.#": "self_attn.out_proj.#",
    "ln_2.#": "layer_norm2.#",
    "mlp.c_fc.#": "mlp.fc1.#",
    "mlp.c_proj.#": "mlp.fc2.#",
  }),
};

/** Names outside the blocks of Hugging Face's DINOv2, with and without registers, in files and in memory. */
const HF_DINOV2_OUTSIDE = {
  class_embedding: "embeddings.cls_token",
  register_tokens: "embeddings.register_tokens",
  "conv1.#": "embeddings.patch_embeddings.projection.#",
  positional_embedding: "embeddings.position_embeddings",
  "ln_post.#": "layernorm.#",
};
const HF_DINOV2_BLOCK = {
  "ln_1.#": "norm1.#",
  "ls_1.gamma": "layer_scale1.lambda1",
  "ln_2.#": "norm2.#",
  "mlp.c_fc.#": "mlp.fc1.#",
  "mlp.c_proj.#": "mlp.fc2.#",
  "ls_2.gamma": "layer_scale2.lambda1",
};

/** All families; a file is of the first family whose signs it has. */
export const NAME_FAMILIES: readonly NameFamily[] = [
  {
    name: "open_clip",
    signs: ["conv1.weight", "transformer.resblocks.0.attn.in_proj_weight"],
    names: {}, // unchanged
    ignored: /^$/,
    library: "open_clip",
  },
  {
    name: "DINOv2",
    signs: ["mask_token", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight"],
    names: {
      ...TIMM_OUTSIDE,
      register_tokens: "register_tokens",
      ...inBlocks("blocks.*", { ...TIMM_BLOCK, "mlp.w12.#": "mlp.w12.#", "mlp.w3.#": "mlp.w3.#" }),
    },
    ignored: /^(mask_token$|head\.)/,
    library: "dinov2",
    leadingAxes: { ...TIMM_AXES, register_tokens: 1 },
    unused: "mask_token",
  },
  {
    name: "timm",
    signs: ["patch_embed.proj.weight", "blocks.0.attn.qkv.weight"],
    names: {
      ...TIMM_OUTSIDE,
      register_tokens: "reg_token",
      "ln_pre.#": "norm_pre.#",
      ...inBlocks("blocks.*", { ...TIMM_BLOCK, "mlp.w12.#": "mlp.fc1.#", "mlp.w3.#": "mlp.fc2.#" }),
      ...ATTENTION_POOL,
      proj: { transposed: "head.weight" },
    },
    ignored: /^head\./,
    foldsClassPosition: true,
    library: "timm",
    leadingAxes: { ...TIMM_AXES, reg_token: 1 },
  },
  {
    name: "Hugging Face CLIP",
    signs: ["embeddings.class_embedding", "encoder.layers.0.self_attn.q_proj.weight"],
    names: {
      ...HF_CLIP_OUTSIDE,
      class_embedding: "embeddings.class_embedding",
      "ln_pre.#": "pre_layrnorm.#", // their spelling
      proj: { transposed: "^visual_projection.weight" },
    },
    ignored: /^embeddings\.position_ids$/,
    library: "huggingface",
    prefix: "vision_model.",
  },
  {
    name: "Hugging Face SigLIP",
    signs: ["head.probe", "encoder.layers.0.self_attn.q_proj.weight"],
    names: {
      ...HF_CLIP_OUTSIDE,
      "attn_pool.latent": "head.probe",
      "attn_pool.q.weight": { rows: "head.attention.in_proj_weight", from: 0, to: 1, of: 3 },
      "attn_pool.q.bias": { rows: "head.attention.in_proj_bias", from: 0, to: 1, of: 3 },
      "attn_pool.kv.weight": { rows: "head.attention.in_proj_weight", from: 1, to: 3, of: 3 },
      "attn_pool.kv.bias": { rows: "head.attention.in_proj_bias", from: 1, to: 3, of: 3 },
      "attn_pool.proj.#": "head.attention.out_proj.#",
      "attn_pool.norm.#": "head.layernorm.#",
      "attn_pool.mlp.fc1.#": "head.mlp.fc1.#",
      "attn_pool.mlp.fc2.#": "head.mlp.fc2.#",
    },
    ignored: /^embeddings\.position_ids$/,
    library: "huggingface",
    prefix: "vision_model.",
  },
  {
    name: "Hugging Face DINOv2",
    signs: [
      "embeddings.patch_embeddings.projection.weight",
      "encoder.layer.0.attention.attention.query.weight",
    ],
    names: {
      ...HF_DINOV2_OUTSIDE,
      ...inBlocks("encoder.layer.*", {
        ...HF_DINOV2_BLOCK,
        "attn.in_proj_#": ["query", "key", "value"].map((role) => `attention.attention.${role}.#`),
        "attn.out_proj.#": "attention.output.dense.#",
        "mlp.w12.#": "mlp.weights_in.#",
        "mlp.w3.#": "mlp.weights_out.#",
      }),
    },
    ignored: /^embeddings\.mask_token$/,
    library: "huggingface",
    leadingAxes: {
      "embeddings.cls_token": 2,
      "embeddings.register_tokens": 1,
      "embeddings.position_embeddings": 1,
    },
    unused: "embeddings.mask_token",
  },
  {
    name: "transformers 5's DINOv2 in memory",
    signs: ["embeddings.patch_embeddings.projection.weight", "encoder.layer.0.attention.q_proj.weight"],
    names: {
      ...HF_DINOV2_OUTSIDE,
      ...inBlocks("encoder.layer.*", {
        ...HF_DINOV2_BLOCK,
        "attn.in_proj_#": ["q", "k", "v"].map((role) => `attention.${role}_proj.#`),
        "attn.out_proj.#": "attention.o_proj.#",
        "mlp.w12.#": ["mlp.gate_proj.#", "mlp.up_proj.#"],
        "mlp.w3.#": "mlp.down_proj.#",
      }),
    },
    ignored: /^embeddings\.mask_token$/,
    library: "huggingface",
  },
];
