// The flag --views of commands that embed images: which views of an image its vector is the mean of.
import { type Command, Option } from "commander";
import { VIEWS, type Views } from "../../images/loading/views";

/** The flag of a command that embeds images. */
export interface ViewsFlag {
  views: Views;
}

/** Adds `--views` to a command. @param what says whose views these are */
export function addViewsFlag(command: Command, what: string): void {
  command.addOption(new Option("--views <views>", what).choices(VIEWS).default("whole"));
}

/** What the flag does where images are searched with. */
export const QUERY_VIEWS = "views of each query to embed and average; the index's rows stay as they are";
