// Adds files to an index and removes some, over and over, until it is killed; says what is done, and what it begins.

import { randomStream } from "guie/dist/common/random";
import { openFeatures } from "guie/dist/features/feature_files";
import { addToIndex } from "guie/dist/index_folder/add";
import { compactIndex } from "guie/dist/index_folder/compact";
import { removeFromIndex } from "guie/dist/index_folder/remove";
import { textEmbedder, writeTexts } from "./text_index";

const [index, photos, seed] = process.argv.slice(2) as [string, string, string];

async function work(): Promise<void> {
  const random = randomStream(Number(seed), "kills");
  const held = new Set((await openFeatures(index).readRows()).files);
  for (let step = 0; ; step++) {
    const kind =
      held.size < 6 ? "add" : (["add", "add", "remove", "compact"] as const)[random.integer(0, 3)]!;
    const files =
      kind === "add"
        ? Array.from({ length: random.integer(1, 9) }, (_, i) => `${seed} ${step} ${i}.jpg`)
        : [...held].filter(() => random.integer(0, 3) === 0);
    if (kind === "remove" && files.length === 0) continue;
    process.stdout.write(`${JSON.stringify({ begun: kind, files })}\n`);
    if (kind === "add") {
      writeTexts(photos, files);
      await addToIndex(index, { folder: photos, rows: { files } }, textEmbedder());
      for (const file of files) held.add(file);
    } else if (kind === "remove") {
      await removeFromIndex(index, { files });
      for (const file of files) held.delete(file);
    } else await compactIndex(index);
    process.stdout.write(`${JSON.stringify({ done: kind })}\n`);
  }
}

void work();
