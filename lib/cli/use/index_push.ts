// `guie index push`: sends a folder of features to a Milvus server.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { sourcePath } from "../../datasets/own/read_own_images";
import { MILVUS_FORM } from "../../milvus/address";
import { pushFeatures } from "../../milvus/push";
import { type CommandResult, setAction } from "../shared/command";

interface PushCommandOptions {
  to: string;
  overwrite?: boolean;
}

/** Registers `guie index push FOLDER --to milvus://host:port/collection`. */
export function addPush(index: Command): void {
  const command = index
    .command("push")
    .argument("<folder>", "the index: a folder of guie embed --out")
    .description(
      "Send an index to a collection of a Milvus server, which guie find and guie serve then search. Rows that are there " +
        "are not sent again: after a stop or a kill the same command goes on. The server's token: GUIE_MILVUS_TOKEN.",
    )
    .requiredOption("--to <address>", `collection to fill: ${MILVUS_FORM}`)
    .option("--overwrite", "replace a collection of other features");
  setAction<PushCommandOptions>(command, (options, [folder]) => push(folder!, options));
}

async function push(folder: string, { to, overwrite = false }: PushCommandOptions): Promise<CommandResult> {
  const report = await pushFeatures(sourcePath(folder), to, { overwrite, onProgress: terminalProgress() });
  const { url, rows, sent } = report;
  const number = (value: number) => value.toLocaleString("en-US");
  return {
    text: `${url}: ${number(rows)} rows, ${number(sent)} sent now\n  Search: npx guie find QUERY --in ${url}`,
    summary: { ...report },
  };
}
