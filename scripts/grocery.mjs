// `npm run grocery [-- RAW]`: runs the ladder on the Grocery Store photos, from their folder (the repository's
// `dataset`; also GUIE_GROCERY) to the table: a third of the classes held out, neck on frozen features, fine-tuned.
// Finished steps are skipped.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";

guardScript("grocery");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const DATA = "data/grocery";
const WEIGHTS = "checkpoints/dinov2_vit_s_14_vision_model.safetensors";
const given = process.argv[2] ?? process.env.GUIE_GROCERY;

/** Runs a command of `guie`; ends the script if it fails. */
function guie(...args) {
  const { status } = spawnSync(process.execPath, [join(root, "lib/bin/guie.js"), ...args], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs a step if its output file does not exist. */
function runIfMissing(file, ...args) {
  if (!existsSync(join(root, file))) guie(...args);
}

if (!given && !existsSync(join(root, DATA, "csv/Fruit.csv"))) {
  console.error(
    "grocery: where are the photos?\n  Next: git clone https://github.com/marcusklasson/GroceryStoreDataset, " +
      "then npm run grocery -- GroceryStoreDataset/dataset",
  );
  process.exit(1);
}
runIfMissing(`${DATA}/csv/Fruit.csv`, "get-data", "--data-dir", DATA, "--dataset", "Fruit", "--raw", given);
runIfMissing(`${DATA}/final_data_224/Fruit_final_224.csv`, "preprocess", "--data-dir", DATA);
runIfMissing(
  `${DATA}/final_data_224_sample_balance_fold.csv`,
  "merge",
  "--data-dir",
  DATA,
  "--hold-out",
  "0.3333",
);
runIfMissing(WEIGHTS, "prepare-model", "--model", "dinov2-vit-s-14");
guie("train", "--config-name", "grocery", "--both");
guie("evaluate", "--config-name", "grocery", "grocery_frozen", "grocery_fine_tune");
