// The Hugging Face hub's repository of each model's weights.

/** Repositories of open_clip's and OpenAI's CLIPs, which follow no rule. */
const CLIP_REPOSITORIES: Record<string, string> = {
  "ViT-B-32": "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
  "ViT-B-32-256": "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
  "ViT-B-16": "laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
  // LAION's own L-14 was trained with another mean and standard deviation of the pixels
  "ViT-L-14": "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
  "ViT-H-14": "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
  "ViT-g-14": "laion/CLIP-ViT-g-14-laion2B-s34B-b88K",
  "ViT-bigG-14": "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k",
  "ViT-B-32-quickgelu": "openai/clip-vit-base-patch32",
  "ViT-B-16-quickgelu": "openai/clip-vit-base-patch16",
  "ViT-L-14-quickgelu": "openai/clip-vit-large-patch14",
  "ViT-L-14-336-quickgelu": "openai/clip-vit-large-patch14-336",
  "ViT-H-14-quickgelu": "apple/DFN5B-CLIP-ViT-H-14",
  "ViT-H-14-378-quickgelu": "apple/DFN5B-CLIP-ViT-H-14-378",
};

const DINOV2_SIZES: Record<string, string> = { s: "small", b: "base", l: "large", g: "giant" };
const SIGLIP_SIZES: Record<string, string> = {
  B: "base",
  L: "large",
  SO400M: "so400m",
  gopt: "giant-opt",
};

/** Image sizes in open_clip's names for which Google has no repository. */
const SIGLIP_ELSEWHERE = ["378"];

/** Returns the hub's repository of a model's weights, `owner/name`; undefined if none is known. */
export function hubRepository(model: string): string | undefined {
  if (Object.hasOwn(CLIP_REPOSITORIES, model)) return CLIP_REPOSITORIES[model];
  const [, dinov2, registers] = /^dinov2-vit-([sblg])-14(-reg4)?$/.exec(model) ?? [];
  if (dinov2) return `facebook/dinov2-${registers ? "with-registers-" : ""}${DINOV2_SIZES[dinov2]}`;
  const siglip = /^ViT-(B|L|SO400M|gopt)-(\d+)-SigLIP(2?)(?:-(\d+))?$/.exec(model);
  if (!siglip) return undefined;
  const [, size, patch, version, imageSize = "224"] = siglip;
  if (SIGLIP_ELSEWHERE.includes(imageSize)) return undefined;
  return `google/siglip${version}-${SIGLIP_SIZES[size!]}-patch${patch}-${imageSize}`;
}
