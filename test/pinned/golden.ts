// Paths of the pinned values, and the command that renews them.
import { join } from "node:path";
import { installPath } from "guie/dist/common/project";
import type { PinnedRun } from "./losses";

/** Folder with `draws.json`, `losses.json`, `run_folders.json` and a folder of CSV files for each pipeline. */
export const PINNED = installPath("test/golden/pinned");
export const [DRAWS, LOSSES, RUN_FOLDERS] = ["draws.json", "losses.json", "run_folders.json"].map((name) =>
  join(PINNED, name),
) as [string, string, string];

/** Kind of CPU -> run -> its pinned values. */
export type PinnedLosses = Record<string, Record<string, PinnedRun>>;

/** The command that renews the pinned values. */
export const RENEW = "node build/test/pinned/renew.js, then look at: git diff test/golden/pinned";
