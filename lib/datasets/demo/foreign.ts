// Refuses to replace a demo folder to which others have added files: they would be lost.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readCsv } from "../../common/csv/csv";
import { UserError } from "../../common/errors";
import { filesBelow } from "../../common/files/replace";
import { DEMO_GROUPS } from "./groups";
import { type DemoStamp, stampPath } from "./stamp";
import { TABLES } from "./tables";

const SHOWN = 3;

/**
 * Checks that the folders of an earlier drawing hold only the files in its table of pictures.
 * @throws UserError naming the other files
 */
export async function refuseAdded(dataDir: string, { complete, wrote }: DemoStamp): Promise<void> {
  const table = join(dataDir, TABLES.images);
  if (!complete || !existsSync(table)) return; // killed while it was moved into place: the check ran before
  const rows = await readCsv(table, ["image_files"]);
  const drawn = new Set([
    ...rows.map(({ image_files }) => image_files!),
    ...Object.values(TABLES),
    ...DEMO_GROUPS.map(({ dataset }) => `raw/${dataset}/train.csv`),
  ]);
  const tables: string[] = [TABLES.images, TABLES.groups];
  const folders = wrote.filter((name) => !tables.includes(name) && existsSync(join(dataDir, name)));
  const added = folders
    .flatMap((name) => filesBelow(join(dataDir, name)).map((file) => `${name}/${file}`))
    .filter((file) => !drawn.has(file));
  if (added.length === 0) return;
  const more = added.length > SHOWN ? `, and ${added.length - SHOWN} more` : "";
  throw new UserError(
    `Another demo would be drawn into ${dataDir}, which has files that the demo did not draw: ${added.slice(0, SHOWN).join(", ")}${more}. Nothing was changed.`,
    `Move it away, or draw into another data directory; ${stampPath(dataDir)} says which demo is there.`,
  );
}
