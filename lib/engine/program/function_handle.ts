// Handles of traced functions that can be posted to worker threads, which call them without tfjs.
import { UserError } from "../../common/errors";
import type { GraphTensor, TensorAddress } from "../graph/graph";
import { cApi, type Pointer } from "../native/c_api";
import type { TensorValue } from "../native/host_tensor";
import { type FeedValue, feedsOf } from "../session/feeds";
import { prepareCall } from "../session/session_call";
import type { GraphFunction, TensorTree } from "./graph_function";

/** Addresses of a traced function without variables, valid in this process until its program is disposed. */
export interface FunctionHandle {
  owner: string;
  session: Pointer;
  inputs: Readonly<Record<string, TensorAddress & Pick<GraphTensor, "dtype" | "shape">>>;
  fetches: readonly TensorAddress[];
}

/**
 * Returns the handle of a traced function, which can be posted to other threads. Call it outside of traces.
 * @throws UserError for a function that has effects or reads variables
 */
export function functionHandle<Names extends string, Result extends TensorTree>(
  f: GraphFunction<Names, Result>,
): FunctionHandle {
  const { owner, inputs, fetches, targets } = f.parts;
  if (targets.length > 0 || f.nodes.some(({ op }) => op === "VarHandleOp")) {
    throw new UserError(`${owner} uses variables: other threads cannot call it.`);
  }
  const places = Object.entries(inputs).map(([name, input]) => {
    const { dtype, shape } = input;
    return [name, { ...addressOf(input), dtype, shape }] as const;
  });
  const { pointer: session } = f.parts.session();
  return { owner, session, inputs: Object.fromEntries(places), fetches: fetches.map(addressOf) };
}

/** Returns the parts of a tensor's address that can be posted. */
function addressOf({ node: { pointer }, index }: GraphTensor): TensorAddress {
  return { node: { pointer }, index };
}

/**
 * Runs a function on the calling thread, which waits. Calls on several threads may overlap. Call it outside of traces.
 * @param use gets views of the fetched values in TensorFlow's memory, which is freed when `use` returns
 * @throws UserError where a value does not fit its input; EngineError where a node fails
 */
export function callHandle<T>(
  { owner, session, inputs, fetches }: FunctionHandle,
  values: Readonly<Record<string, FeedValue>>,
  use: (values: TensorValue[]) => T,
): T {
  const call = prepareCall(session, { feeds: feedsOf(owner, inputs, values), fetches }, false);
  try {
    cApi().TF_SessionRun(...call.parameters);
    return call.withResultsSync(use);
  } finally {
    call.release();
  }
}
