// Serves a model over a person's images.
import { UserError } from "../common/errors";
import * as serving from "../serving/serve";
import type { Images } from "./images";
import type { Model } from "./model";

/** Model, images, address and limits of a service. */
export interface ServeOptions extends Omit<serving.ServeOptions, "index"> {
  /** A loaded model, or a name as `loadModel` takes it (also as `run`). Default: the preset's backbone. */
  model?: Model | string;
  /**
   * The images to search: those of `images(source)`, a folder, a table, a folder of features, or a data directory (the
   * index images of its held-out classes), or milvus://host:port/collection. Default: the preset's data directory.
   */
  index?: Images | string;
}

/**
 * Starts a service with a page to search by image; it answers once this returns, and embeds new images as it runs.
 * @throws UserError if the model or the images are missing, or the port is taken
 * @example
 * const service = await serve({ model: "demo_fine_tune", index: "photos", port: 0 }); await service.close();
 */
export function serve({ model, index, ...options }: ServeOptions): Promise<serving.RunningService> {
  const run = typeof model === "string" ? model : (model?.name ?? options.run);
  const asked = typeof model === "object" ? model.preset : options.configName;
  const configName = asked ?? serving.SERVE_DEFAULTS.configName;
  const source = typeof index === "object" ? sourceOf(index) : index;
  return serving.serve({ say: console.log, ...options, run, configName, index: source });
}

/** Returns the path that images came from. @throws UserError for a part of them */
function sourceOf({ source, folder }: Images): string {
  if (source !== undefined) return source;
  throw new UserError(
    `The images of ${folder} are a part of a folder or a table: a service reads the whole.`,
    "Give its path, or images(path).",
  );
}
