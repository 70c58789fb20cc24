// Renews the pinned values, for an intended change of numbers:
//   node build/test/pinned/renew.js [draws] [tables] [losses]
// Losses of this kind of CPU are added; those of other kinds are dropped if this kind's have changed.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJson } from "guie/dist/common/files/files";
import { z } from "zod";
import { writeFile } from "../folders";
import { drawAll } from "./draws";
import { DRAWS, LOSSES, PINNED, type PinnedLosses, RUN_FOLDERS } from "./golden";
import { cpuKind, trainAll } from "./losses";
import { PIPELINES, readTables } from "./tables";

/** Returns JSON with one line per name, down to a depth. */
function lines(value: object, depth: number): string {
  const entries = Object.entries(value).map(
    ([name, part]) => `${JSON.stringify(name)}: ${depth > 1 ? lines(part, depth - 1) : JSON.stringify(part)}`,
  );
  return `{\n${entries.join(",\n")}\n}`;
}

async function renewTables(): Promise<void> {
  for (const [name, run] of Object.entries(PIPELINES)) {
    const dataDir = mkdtempSync(join(tmpdir(), "guie-pinned-"));
    await run(dataDir);
    rmSync(join(PINNED, name), { recursive: true, force: true });
    for (const [file, text] of Object.entries(readTables(dataDir))) writeFile(join(PINNED, name, file), text);
    rmSync(dataDir, { recursive: true });
  }
}

async function renewLosses(): Promise<void> {
  const kind = cpuKind();
  const { losses: pinned, folders } = await trainAll();
  writeFileSync(RUN_FOLDERS, `${lines(folders, 2)}\n`);
  const before = existsSync(LOSSES) ? readJson(LOSSES, z.custom<PinnedLosses>()) : {};
  const isSame = JSON.stringify(before[kind]) === JSON.stringify(pinned);
  const renewed = isSame || !(kind in before) ? { ...before, [kind]: pinned } : { [kind]: pinned };
  writeFileSync(LOSSES, `${lines(renewed, 2)}\n`);
}

const PARTS: Record<string, () => unknown> = {
  draws: () => writeFile(DRAWS, `${lines(drawAll(), 1)}\n`),
  tables: renewTables,
  losses: renewLosses,
};

/** Renews the named parts, or all. */
async function renew(wanted: readonly string[]): Promise<void> {
  for (const [name, part] of Object.entries(PARTS))
    if (wanted.length === 0 || wanted.includes(name)) await part();
}

void renew(process.argv.slice(2));
