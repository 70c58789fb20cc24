// Compares models on a person's images: each image looks for the others of its class.
import { UserError } from "../common/errors";
import type { TaskOptions } from "../common/progress";
import { learnedOf } from "../experiments/ladder";
import {
  type ComparisonOptions,
  type ComparisonRow,
  compareModels,
  type ModelVectors,
} from "../retrieval/evaluation";
import { learnedAmong } from "../runs/learned_classes";
import type { Images } from "./images";
import { loadModel, type Model } from "./model";
import { readImages } from "./read_images";

/**
 * Compares models on images with classes, leave-one-out: each image is a query, all others are the index. Every score
 * has a confidence interval by a bootstrap over classes, and its difference from the first model's with the interval of
 * the paired bootstrap. Classes that a model was trained on are counted: its scores on them are too good, so give images
 * of classes that were held out (`holdOut`).
 * @param models loaded models, or names as `loadModel` takes them; by default, differences are from the first
 * @throws UserError for images without classes, or without two images of one class
 * @example
 * show(comparisonTable(await compare(["dinov2-vit-s-14", "shop_fine_tune"], heldOut)));
 */
export async function compare(
  models: readonly (string | Model)[],
  images: Images | string,
  { signal, onProgress, ...options }: ComparisonOptions & TaskOptions = {},
): Promise<ComparisonRow[]> {
  const all = typeof images === "string" ? await readImages(images) : images;
  const given = all.classNames.length > 0 ? all.labelled() : all;
  given.labels(); // refuses images without classes before anything is embedded
  const vectors: ModelVectors[] = [];
  let scored: Images | undefined;
  for (const each of models) {
    const model = typeof each === "string" ? await loadModel(each, { signal, onProgress }) : each;
    try {
      const embedded = await model.embed(given, { signal, onProgress });
      scored ??= embedded.images!;
      vectors.push({
        name: model.name,
        queries: embedded,
        index: embedded,
        learned: learnedClasses(model, scored),
      });
    } finally {
      if (model !== each) model.dispose();
    }
  }
  if (!scored) throw new UserError("Expected models to compare, got none.", 'compare(["backbone"], images)');
  const labels = scored.labels();
  requirePair(scored);
  return compareModels(vectors, { queryLabels: labels, indexLabels: labels, own: "same" }, options);
}

/** Returns the numbers of the classes that a model was trained on, as far as their names tell. */
function learnedClasses({ name }: Model, images: Images): ModelVectors["learned"] {
  const part = { files: images.files, labels: images.labels() };
  const classes = new Map(images.classNames.map((name, label) => [label, name]));
  return learnedAmong({ queries: part, index: part, classes }, images.folder, learnedOf(name)) ?? "unknown";
}

function requirePair(images: Images): void {
  if (images.balance.some(({ images }) => images > 1)) return;
  throw new UserError(
    `Each of the ${images.classNames.length} classes has one image: no image can find another of its class.`,
    "Add a second image of some classes.",
  );
}
