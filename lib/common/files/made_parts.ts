// Names of the files that this project makes in folders which it replaces as a whole.

/** Patterns of paths below a folder: of files, or of folders if they end with "/". */
export type Parts = readonly RegExp[];

const named = (...patterns: string[]): Parts => patterns.map((pattern) => new RegExp(`^${pattern}$`));

/** Returns the parts as paths below a sub-folder `folder`. */
function within(folder: string, parts: Parts): Parts {
  return [
    new RegExp(`^${folder}/$`),
    ...parts.map(({ source }) => new RegExp(`^${folder}/${source.slice(1)}`)),
  ];
}

/** Parts of a folder of features. */
export const FEATURE_PARTS = named(
  "features\\.json",
  "features_\\d+\\.safetensors",
  "rows(_\\d+)?\\.csv",
  "removed_\\d+\\.csv",
  "skipped\\.csv",
  "classes\\.csv",
  "neighbours_[0-9a-f]+\\.usearch(\\.json)?",
  "sources\\.json",
  "verdict_[0-9a-f]+\\.json",
);

/** Parts of an export, by its format; a ZIP is a file. */
export const EXPORT_PARTS = {
  savedmodel: [
    ...named("saved_model\\.pb"),
    ...within("variables", named("variables\\.index", "variables\\.data-\\d+-of-\\d+")),
  ],
  onnx: named("model\\.onnx", "model\\.onnx_data", "preprocessor_config\\.json"),
  safetensors: named("tower\\.safetensors", "neck_and_head\\.safetensors", "reduction\\.safetensors"),
} as const satisfies Record<string, Parts>;

/** Parts of the folder of a model's exports. */
const EXPORTS: Parts = [
  ...named("submission\\.zip"),
  ...within("saved_model", EXPORT_PARTS.savedmodel),
  ...within("onnx", EXPORT_PARTS.onnx),
  ...within("safetensors", EXPORT_PARTS.safetensors),
];

/** Parts of a model's folder that its use leaves there. */
const KEPT_WITH_MODEL: Parts = [
  ...within("embeddings", within("[^/]+", FEATURE_PARTS)),
  ...within("export", EXPORTS),
];

/** Parts of the folder of a whitened or LDA model. */
export const TRANSFORM_PARTS: Parts = [
  ...named("model\\.json", "reduction\\.safetensors", "trained_images\\.bin"),
  ...KEPT_WITH_MODEL,
  ...within("export_before(_\\d+)?", EXPORTS),
];

/** Parts of a run's folder, in addition to RUN_FILES. */
export const RUN_PARTS: Parts = [
  ...named("(best|last|epoch_\\d+|step_\\d+)\\.safetensors"),
  ...named(
    "events\\.out\\.tfevents\\..+",
    "output\\.txt",
    "query_scores\\.csv",
    "soup\\.json",
    "made_of\\.json",
    "trained_images\\.bin",
  ),
  ...KEPT_WITH_MODEL,
];
