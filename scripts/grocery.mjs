// `npm run grocery [-- RAW]`: runs the ladder on the Grocery Store photos, from their folder (the repository's
// `dataset`; also GUIE_GROCERY) to the answer: `guie fit` with the preset grocery, a third of the classes held out by seed
// 999, without a time limit. Finished steps are skipped.
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";

guardScript("grocery");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const raw = join(root, "data/grocery/raw/Fruit");
const photos =
  process.argv[2] ?? process.env.GUIE_GROCERY ?? (existsSync(raw) ? realpathSync(raw) : undefined);
if (photos === undefined) {
  console.error(
    "grocery: where are the photos?\n  Next: git clone https://github.com/marcusklasson/GroceryStoreDataset, " +
      "then npm run grocery -- GroceryStoreDataset/dataset",
  );
  process.exit(1);
}
const flags = [
  "--dataset",
  "Fruit",
  "--name",
  "grocery",
  "--preset",
  "grocery",
  "--hold-out",
  "0.3333",
  "--seed",
  "999",
];
const { status } = spawnSync(process.execPath, [join(root, "lib/bin/guie.js"), "fit", photos, ...flags], {
  cwd: root,
  stdio: "inherit",
});
process.exit(status ?? 1);
