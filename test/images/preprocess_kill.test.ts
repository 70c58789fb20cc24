import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { preprocessDataset } from "guie/dist/images/preprocess";
import { temporaryFolder, writeFile } from "../folders";
import { draw, toSharp } from "./make";

const IMAGES = 60;
const dataset = { name: "many", folder: "Many", smallestClass: 5 };

/** After its tenth image it says so and waits to be killed, with another image under way. */
const CHILD = `
const { preprocessDataset } = require("guie/dist/images/preprocess");
const onProgress = ({ done }) => {
  if (done < 10) return;
  require("node:fs").writeSync(1, "ten");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};
preprocessDataset({ ...JSON.parse(process.argv[1]), concurrency: 2, onProgress });
`;

async function makeMany(dataDir: string): Promise<void> {
  const rows = ["image_files,labels"];
  for (let i = 0; i < IMAGES; i++) {
    const file = `raw/Many/${i % 3}/${i}.jpg`;
    const image = draw(900, 700, (x, y, c) => x * (i + 1) + y * 3 + c * 40);
    const bytes = await toSharp(image).jpeg().toBuffer();
    writeFile(join(dataDir, file), i === 20 ? bytes.subarray(0, 3000) : bytes);
    rows.push(`${file},${i % 3}`);
  }
  writeFile(join(dataDir, "csv/many.csv"), `${rows.join("\n")}\n`);
}

/** Name -> SHA-256 of all files that preprocessing made. */
function outputs(dataDir: string): Map<string, string> {
  const folder = join(dataDir, "final_data_224");
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [path.slice(folder.length), sha256(readFileSync(path))]));
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("killed in the middle and run again: the same bytes as an unbroken run", async (t) => {
  const [broken, unbroken] = [temporaryFolder(t), temporaryFolder(t)];
  await makeMany(broken);
  await makeMany(unbroken);

  const child = spawn(process.execPath, ["-e", CHILD, JSON.stringify({ dataDir: broken, dataset })], {
    cwd: __dirname, // below the project, where "guie" resolves
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.once("data", () => child.kill("SIGKILL"));
  const [, signal] = await once(child, "exit");
  assert.equal(signal, "SIGKILL");
  const finished = readdirSync(join(broken, "final_data_224/Many/images")).length;
  assert.ok(finished >= 10 && finished < IMAGES, `${finished} finished when it was killed`);
  assert.equal(existsSync(join(broken, "final_data_224/Many_final_224.csv")), false);

  const again = await preprocessDataset({ dataDir: broken, dataset });
  assert.deepEqual(again, await preprocessDataset({ dataDir: unbroken, dataset }));
  assert.deepEqual([again.rowsOut, again.rejected], [IMAGES - 1, 1]);
  assert.deepEqual(outputs(broken), outputs(unbroken));
});
