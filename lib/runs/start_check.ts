// Checks that a finished run's start has not been trained again since.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import { fileFingerprint } from "../common/files/fingerprint";
import type { StartSettings } from "../config/start";
import { findCheckpoint } from "./checkpoint_ref";
import { readNote } from "./run_note";

/**
 * Throws if the run that a finished run started from has been trained again since. A start that is gone is accepted.
 * @param advice what to do next, in the caller's words
 */
export function refuseOtherStart(
  folder: string,
  { initFrom }: Pick<StartSettings, "initFrom">,
  advice: string,
): void {
  const before = readNote(folder)?.start;
  const path = before === undefined ? undefined : startPath(initFrom);
  if (path === undefined || fileFingerprint(path) === before) return;
  throw new UserError(
    `The run in ${folder} started from ${initFrom} as it was then; ${initFrom} has been trained again since.`,
    advice,
  );
}

function startPath(initFrom: string): string | undefined {
  try {
    const { path } = findCheckpoint(initFrom);
    return existsSync(path) ? path : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
