// Our side of `npm run bench load`: loads weights like `loadBackbone`, and saves them like a run's checkpoints.
import { rmSync } from "node:fs";
import { Program } from "guie/dist/engine/program/program.js";
import { towerFile } from "guie/dist/model/tower_weights.js";
import { findTower } from "guie/dist/model/towers.js";
import { fillProgram } from "guie/dist/model/weight_source.js";
import { saveCheckpoint } from "guie/dist/runs/store.js";
import { serve } from "../shared/contestant.mjs";

const { tower: name, path, work } = JSON.parse(process.argv[2]);
const tower = findTower(name);

async function load() {
  const program = new Program();
  const source = towerFile(path, tower, tower.imageSizePx);
  const { shapes } = source;
  await fillProgram(program, source);
  return { program, shapes };
}

async function prepareSave() {
  const { program, shapes } = await load();
  return async () => {
    await saveCheckpoint(`${path}.saved`, { program, shapes }, 0);
    rmSync(`${path}.saved`);
  };
}

await serve(
  work === "save"
    ? await prepareSave()
    : async () => {
        const { program } = await load();
        program.dispose();
      },
);
