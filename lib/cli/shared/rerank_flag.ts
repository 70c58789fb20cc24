// The flag `--rerank` of commands that search.
import type { Command } from "commander";
import { parseReranking, RERANK_NAMES, type RerankName } from "../../retrieval/reranking/methods";

/** The flags of how vectors are searched. */
export interface SearchFlags {
  whiten?: boolean;
  rerank?: string;
}

/** Adds `--rerank` to a command. */
export function addRerankFlag(command: Command): void {
  command.option(
    "--rerank <methods>",
    `better neighbours from the same vectors: a sum of ${RERANK_NAMES.join(", ")}, for example dba+alpha_qe`,
  );
}

/**
 * Returns the methods, and whether to whiten: as `--whiten` and `--no-whiten` say, else yes if `--rerank` names it.
 * @throws UserError for an unknown method
 */
export function searchChoice({ whiten, rerank = "" }: SearchFlags): {
  whiten: boolean | undefined;
  rerank: RerankName[];
} {
  const methods = parseReranking(rerank);
  return { whiten: whiten ?? (methods.includes("whiten") || undefined), rerank: methods };
}
