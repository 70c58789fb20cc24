// Kills preprocessing at random moments, and tests that repeated runs complete it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeRgb } from "guie/dist/images/decode";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import { temporaryFolder, writeFile } from "../folders";
import { draw, toSharp } from "../images/make";

const IMAGES = 90;
const dataset = { name: "many", folder: "Many", smallestClass: 5 };

/** Script that runs the step and reports every finished image. */
const CHILD = `
const { preprocessDataset } = require("guie/dist/preprocessing/preprocess");
const onProgress = ({ done }) => done > 0 && require("node:fs").writeSync(1, done + " ");
preprocessDataset({ ...JSON.parse(process.argv[1]), concurrency: 2, onProgress });
`;

/** Runs the step in its own process and kills it some time after its first image. */
async function runAndKill(dataDir: string, delayMs: number): Promise<void> {
  const child = spawn(process.execPath, ["-e", CHILD, JSON.stringify({ dataDir, dataset })], {
    cwd: __dirname, // below the project, where "guie" resolves
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), delayMs));
  child.stdout.resume();
  await once(child, "exit");
}

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

/** Returns name -> SHA-256 of all files that preprocessing made. */
function outputs(dataDir: string): Map<string, string> {
  const folder = join(dataDir, "final_data_224");
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== "sources.jsonl", // holds inodes and times of this machine's files
  );
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [path.slice(folder.length), sha256(readFileSync(path))]));
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Returns finished images by name, with the properties that a rename or a second write would change. */
async function finishedImages(dataDir: string): Promise<Map<string, string>> {
  const folder = join(dataDir, "final_data_224/Many/images");
  const names = readdirSync(folder).filter((name) => name.endsWith(".jpg"));
  for (const name of names) await decodeRgb(join(folder, name)); // refuses incomplete files
  return new Map(names.map((name) => [name, `${statSync(join(folder, name)).ino}`]));
}

test("repeatedly killed, it leaves nothing half done, does nothing twice, and gives the same bytes", async (t) => {
  const [broken, unbroken] = [temporaryFolder(t), temporaryFolder(t)];
  await makeMany(broken);
  await makeMany(unbroken);

  let before = new Map<string, string>();
  for (let kill = 0; kill < 3; kill++) {
    const delayMs = Math.random() * 150;
    await runAndKill(broken, delayMs);
    const after = await finishedImages(broken);
    t.diagnostic(`killed after ${delayMs.toFixed(0)} ms: ${after.size} images were finished`);
    for (const [name, identity] of before) assert.equal(after.get(name), identity, name);
    before = after;
  }
  const again = await preprocessDataset({ dataDir: broken, dataset });
  const atLast = await finishedImages(broken);
  for (const [name, identity] of before) assert.equal(atLast.get(name), identity, name);
  assert.deepEqual(again, await preprocessDataset({ dataDir: unbroken, dataset }));
  assert.deepEqual([again.rowsOut, again.rejected], [IMAGES - 1, 1]);
  assert.deepEqual(outputs(broken), outputs(unbroken));
});
