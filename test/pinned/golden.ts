// Where the pinned values stand.
import { join } from "node:path";
import { installPath } from "guie/dist/common/project";
import type { PinnedRun } from "./losses";

/** `draws.json`, `losses.json` and a folder of CSV files for each pipeline. */
export const PINNED = installPath("test/golden/pinned");
export const [DRAWS, LOSSES] = [join(PINNED, "draws.json"), join(PINNED, "losses.json")];

/** Kind of CPU -> run -> what is pinned of it. */
export type PinnedLosses = Record<string, Record<string, PinnedRun>>;

/** The command that writes them anew. */
export const RENEW = "node build/test/pinned/renew.js, then look at: git diff test/golden/pinned";
