// The place at which the shards of a plan are made.
import { join } from "node:path";
import { UserError } from "../common/errors";
import { makingPlace, requireReplaceable } from "../common/files/replace";
import { openSafetensors } from "../formats/safetensors";
import { FEATURE_FOLDER, type FeatureDtype, readSummary, shardsIn } from "./feature_files";
import type { FeaturePlan } from "./feature_plan";

/** The work, for messages. */
export const EMBEDDING = "The embedding";

/**
 * Returns the folder in which the shards of a plan are made: the place itself, or one next to it if the place holds other
 * features, which may be replaced.
 * @throws UserError if the place holds other features and `replace` is false, or holds anything but features
 */
export function shardPlace(path: string, plan: FeaturePlan, identity: string): string {
  const summary = readSummary(path);
  if (summary?.identity === identity) refuseOtherDtype(path, summary.dtype, plan.dtype);
  const found = identityIn(path);
  const isOther = found !== undefined && found !== identity;
  if (isOther && !plan.replace) {
    throw new UserError(
      `${path} holds features of other images, or of other settings.`,
      "Choose another folder, or give --overwrite.",
    );
  }
  if (found === undefined || isOther) requireReplaceable(path, FEATURE_FOLDER, { overwrite: true });
  return isOther ? makingPlace(path) : path;
}

/** Reads the identity of a folder's features, finished or not; undefined if there are none. */
function identityIn(folder: string): string | undefined {
  const [shard] = shardsIn(folder);
  return readSummary(folder)?.identity ?? (shard && openedIdentity(join(folder, shard)));
}

function refuseOtherDtype(folder: string, found: FeatureDtype, wanted: FeatureDtype | undefined): void {
  if (wanted === undefined || wanted === found) return;
  throw new UserError(
    `${folder} holds these features as ${found}; some numbers do not fit ${wanted}.`,
    "Leave --dtype out.",
  );
}

function openedIdentity(path: string): string | undefined {
  const { metadata, close } = openSafetensors(path);
  close();
  return metadata.identity;
}
