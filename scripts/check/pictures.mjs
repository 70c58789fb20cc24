// Checks that committed pictures are small: docs/ is part of every clone.
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const docs = join(dirname(fileURLToPath(import.meta.url)), "../../docs");
const MAX_PICTURE_BYTES = 150_000;

for (const file of readdirSync(docs, { recursive: true }).filter((name) =>
  /\.(png|webp|jpe?g|gif|svg)$/.test(name),
)) {
  const bytes = statSync(join(docs, file)).size;
  if (bytes <= MAX_PICTURE_BYTES) continue;
  console.error(
    `docs/${file} has ${bytes} bytes, more than ${MAX_PICTURE_BYTES}\n  Next: npm run pictures, or a smaller picture`,
  );
  process.exitCode = 1;
}
