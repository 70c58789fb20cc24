// What others have put among the demo's pictures: it would go with them.
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
 * Checks that an earlier drawing's folders hold nothing but what it drew, by its table of pictures.
 * @throws UserError naming what else there is
 */
export async function refuseAdded(dataDir: string, { complete, wrote }: DemoStamp): Promise<void> {
  const table = join(dataDir, TABLES.images);
  if (!complete || !existsSync(table)) return; // killed while it was put in place: looked at just before
  const rows = await readCsv(table, ["image_files"]);
  const drawn = new Set([
    ...rows.map(({ image_files }) => image_files!),
    ...Object.values(TABLES),
    ...DEMO_GROUPS.map(({ dataset }) => `raw/${dataset}/train.csv`),
  ]);
  const folders = wrote.filter((name) => name !== TABLES.images && existsSync(join(dataDir, name)));
  const added = folders
    .flatMap((name) => filesBelow(join(dataDir, name)).map((file) => `${name}/${file}`))
    .filter((file) => !drawn.has(file));
  if (added.length === 0) return;
  const more = added.length > SHOWN ? `, and ${added.length - SHOWN} more` : "";
  throw new UserError(
    `Another demo is to be drawn into ${dataDir}, where there is what the demo did not draw: ${added.slice(0, SHOWN).join(", ")}${more}. Nothing was changed.`,
    `Move it away, or draw into another data directory; ${stampPath(dataDir)} says which demo is there.`,
  );
}
