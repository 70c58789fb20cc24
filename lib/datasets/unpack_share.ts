// One part of the archives of raw folders, unpacked next to other processes that unpack the others.
import { existsSync } from "node:fs";
import { byCodeUnit } from "../common/code_units";
import type { Part } from "../common/files/part";
import { withSignal } from "../common/interrupt";
import type { TaskOptions } from "../common/progress";
import type { ExtractOptions } from "./archives/extract";
import { unpackArchive } from "./archives/unpack";
import type { DataSet } from "./data_set";
import { inspectRaw, rawFolder } from "./raw_folder";

/** An archive of a data set. */
interface SetArchive {
  set: DataSet;
  name: string;
  bytes: number;
}

/** Numbers of one part of the archives. */
export interface UnpackShare {
  /** Archives of this part. */
  archives: number;
  /** Their bytes. */
  bytes: number;
  /** Archives of all parts. */
  total: number;
}

/**
 * Returns the archives of one part. The largest archive goes first, each to the part with the fewest bytes so far: no part
 * has more than an even share and one archive.
 * @param archives of all parts, in any order
 */
export function archivesOfPart<Archive extends Pick<SetArchive, "name" | "bytes">>(
  archives: readonly Archive[],
  { index, count }: Part,
): Archive[] {
  const sums = new Array<number>(count).fill(0);
  const ordered = [...archives].sort((a, b) => b.bytes - a.bytes || byCodeUnit(a.name, b.name));
  return ordered.filter(({ bytes }) => {
    const place = sums.indexOf(Math.min(...sums));
    sums[place]! += bytes;
    return place === index - 1;
  });
}

/**
 * Unpacks one part of the archives that wait in the raw folders of data sets; `getData` then reads the folders. An
 * archive that another process unpacks is waited for, one that is unpacked is not unpacked again.
 * @throws UserError as `unpackRaw`
 * @example
 * await unpackShare("data/guie", presentDataSets("data/guie"), { part: { index: 2, count: 4 } });
 */
export async function unpackShare(
  dataDir: string,
  sets: readonly DataSet[],
  { part, signal, ...options }: Pick<ExtractOptions, "zipEncoding"> & TaskOptions & { part: Part },
): Promise<UnpackShare> {
  const all = sets.flatMap((set) => archivesOf(dataDir, set));
  const mine = archivesOfPart(all, part);
  await withSignal(signal, async () => {
    for (const { set, name } of mine)
      await unpackArchive(rawFolder(dataDir, set), name, { unwrap: set.unwrap, ...options });
  });
  const bytes = mine.reduce((sum, archive) => sum + archive.bytes, 0);
  return { archives: mine.length, bytes, total: all.length };
}

/** Lists the archives of a data set that are or were to be unpacked: the same ones in every part. */
function archivesOf(dataDir: string, set: DataSet): SetArchive[] {
  const folder = rawFolder(dataDir, set);
  if (set.own || !existsSync(folder)) return [];
  const { archives } = inspectRaw(set, folder);
  return archives.flatMap(({ name, bytes, state }) =>
    state === "waiting" || state === "unpacked" ? { set, name, bytes } : [],
  );
}
