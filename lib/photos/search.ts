// Searches a person's images for those that look like others.
import { shownProgress, type TaskOptions } from "../common/progress";
import type { OwnSource } from "../datasets/own/own_images";
import { type ImageList, numbered } from "../features/image_list";
import { type Finding, findPhotos } from "../finding/find_photos";
import { findStored } from "../finding/find_stored";
import { judgeCommand } from "../finding/kept_verdict";
import type { Views } from "../images/loading/views";
import { isMilvus } from "../milvus/address";
import { IN_MILVUS, openMilvusIndex } from "../milvus/search";
import { parseReranking } from "../retrieval/reranking/methods";
import { requirePlainSearch } from "../retrieval/stored_index";
import { Images } from "./images";
import { type Embedded, loadModel, Model } from "./model";
import { readImages } from "./read_images";

/** Where and how to search. */
export interface SearchOptions extends TaskOptions {
  /** A loaded model, or a name as `loadModel` takes it. Default: the preset's backbone. */
  model?: Model | string;
  /** The images to search; or milvus://host:port/collection, filled by `guie index push`. */
  index: Images | Embedded | string | OwnSource;
  /** Most hits per query. Default: 5. */
  k?: number;
  /** True to whiten by the index's own vectors, false for the model's own. Default: for a backbone. */
  whiten?: boolean;
  /** Methods for better neighbours from the same vectors, "dba+alpha_qe". Default: none. */
  rerank?: string;
  /** Views of each query, whose features are averaged; the index's rows stay as they are. Default: the whole image. */
  views?: Views;
}

/**
 * Finds the images of an index that look most like the queries, nearest first. An image does not find itself. Vectors
 * are kept by the content of each image: the next search embeds new and changed ones alone.
 * @param query an image file, a folder, a table, or images
 * @throws UserError if nothing can be read
 * @example
 * show(foundGrid(await search("query.jpg", { model, index: photos, k: 8 })));
 */
export async function search(
  query: Images | string,
  {
    model: given,
    index,
    k = 5,
    whiten,
    rerank = "",
    views,
    signal,
    onProgress = shownProgress(),
  }: SearchOptions,
): Promise<Finding> {
  const model = given instanceof Model ? given : await loadModel(given, { signal, onProgress });
  try {
    const queries = [{ name: nameOf(query), list: listOf(await imagesOf(query)) }];
    if (isMilvus(index)) {
      requirePlainSearch({ whiten, rerank: parseReranking(rerank) }, IN_MILVUS);
      const collection = await openMilvusIndex(index, model.embedder.madeBy, model.name);
      return await findStored(model.embedder, queries, collection, { k, views, signal, onProgress });
    }
    const searched = await imagesOf(index);
    const photos = listOf(searched);
    const methods = parseReranking(rerank);
    const isWhitened = whiten ?? (methods.includes("whiten") || model.isBackbone);
    const { source } = searched;
    const judgedBy = source === undefined ? undefined : { source, command: judgeCommand(model.name, source) };
    const how = { k, whiten: isWhitened, rerank: methods, judgedBy, views, signal, onProgress };
    return await findPhotos(model.embedder, queries, photos, how);
  } finally {
    if (model !== given) model.dispose();
  }
}

function imagesOf(given: SearchOptions["index"]): Promise<Images> | Images {
  if (typeof given === "object" && "images" in given && given.images) return given.images;
  return given instanceof Images ? given : readImages(given as string | OwnSource);
}

function nameOf(query: Images | string): string {
  return typeof query === "string" ? query : query.folder;
}

function listOf({ folder, files, classes, leftOut }: Images): ImageList {
  return { folder, rows: { files, ...(classes ? numbered(classes) : {}) }, leftOut };
}
