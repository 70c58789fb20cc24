// A collection in Milvus as the index of a service: rows and vectors are asked of the server when they are needed.
import { UserError } from "../common/errors";
import { notice } from "../common/notice";
import type { MilvusIndex } from "../milvus/search";
import { type IndexState, rowNumbers } from "./index_state";
import { Refusal } from "./limits/refusal";

/** Makes an open collection searchable; freeing the state closes it. */
export function milvusState(index: MilvusIndex): IndexState {
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
      kind: "milvus",
      recallAt5: null,
      recallQueries: 0,
      dispose: () => void index.close(),
    },
    rowsAt: async (positions) =>
      (await answered(index.rowsAt(positions))).map((row) => ({ ...row, content: null })),
    async vectorAt(position) {
      const vector = await answered(index.vectorAt(position));
      return { model: vector, searched: vector };
    },
    ...rowNumbers(count),
  };
}

const RETRY_SECONDS = 5;

/** Turns a failure of the server into an answer for clients; its reason is for the service's own output. */
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
