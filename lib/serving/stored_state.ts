// A stored index as the index of a service, a collection in Milvus or a folder of features searched by codes: rows and
// vectors are read from the server or disk when they are needed.
import { UserError } from "../common/errors";
import { notice } from "../common/notice";
import { sourcePath } from "../datasets/own/read_own_images";
import type { Embedder } from "../embedding/embedder";
import { requireSameModel } from "../features/same_model";
import { CODED, openCodedFolder } from "../index_folder/coded_folder";
import { isMilvus } from "../milvus/address";
import { IN_MILVUS, openMilvusIndex } from "../milvus/search";
import type { CodeBits } from "../retrieval/coded/levels";
import { requirePlainSearch, type SearchWishes, type StoredIndex } from "../retrieval/stored_index";
import type { IndexRequest } from "./index_source";
import { type IndexState, rowNumbers, shownPath } from "./index_state";
import { Refusal } from "./limits/refusal";
import { measureRecall, type Searcher } from "./searcher";

/** An index, and what is asked of it. */
export interface StoredRequest extends Omit<IndexRequest, "source" | "classNames">, SearchWishes {
  codeBits?: CodeBits | undefined;
  editToken?: string | undefined;
}

/**
 * Opens the index that is asked for, if it is one of these.
 * @throws UserError for what such an index does not do, or features by another model
 */
export async function openStored(
  { index, run, codeBits, editToken, ...wishes }: StoredRequest,
  embedder: Embedder,
): Promise<{ name: string; state: IndexState } | undefined> {
  if (isMilvus(index)) {
    requirePlainSearch(wishes, IN_MILVUS);
    if (codeBits !== undefined)
      throw new UserError(
        "--code-bits is for a folder of features: a server keeps the rows.",
        "Leave it out.",
      );
    const found = await openMilvusIndex(index, embedder.madeBy, run ?? embedder.config.tower);
    const state = storedState(found, { kind: "milvus", recallAt5: null, recallQueries: 0 });
    return { name: found.name, state };
  }
  if (codeBits === undefined) return undefined;
  requirePlainSearch(wishes, CODED);
  if (editToken !== undefined)
    throw new UserError(
      "An index of codes takes no changes.",
      "Leave out --code-bits, or the word for changes.",
    );
  if (index === undefined)
    throw new UserError(
      "--code-bits is for a folder of features: no index is named.",
      "npx guie embed PHOTOS --out FOLDER, then npx guie serve FOLDER --code-bits 2",
    );
  const found = await openCodedFolder(sourcePath(index), codeBits);
  try {
    requireSameModel(found.features, embedder, run);
    const recall = await measureRecall(found, found.features, found.read);
    return { name: found.name, state: storedState(found, { kind: "codes", ...recall }) };
  } catch (error) {
    await found.close();
    throw error;
  }
}

/** Makes an open index searchable; freeing the state closes it. @param how its kind, and its recall if it was measured */
function storedState(
  index: StoredIndex,
  how: Pick<Searcher, "kind" | "recallAt5" | "recallQueries">,
): IndexState {
  const { count, length, labelled } = index;
  return {
    count,
    length,
    labelled,
    whitening: undefined,
    filters: undefined,
    methods: [],
    verdict: null,
    judge: undefined,
    searcher: {
      index: { count, length, search: (queries, k) => answered(index.search(queries, k)) },
      ...how,
      dispose: () => void index.close(),
    },
    rowsAt: async (positions) =>
      (await answered(index.rowsAt(positions))).map((row) => ({
        ...row,
        file: shownPath(row.file),
        content: null,
      })),
    async vectorAt(position) {
      const vector = await answered(index.vectorAt(position));
      return { model: vector, searched: vector };
    },
    ...rowNumbers(count),
  };
}

const RETRY_SECONDS = 5;

/** Turns a failure of the server or disk into an answer for clients; its reason is for the service's own output. */
async function answered<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    notice(`guie serve: ${error.message}`);
    const reason = "the index cannot be searched now: see the service's own output";
    throw new Refusal(503, reason, { retryAfterSeconds: RETRY_SECONDS });
  }
}
