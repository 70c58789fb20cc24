// The augmentation that Train shows is the one that training gets.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import { imageGrid } from "guie/dist/notebook/images";
import { augmentationGrid } from "guie/dist/notebook/training_views";
import { imageBatches } from "guie/dist/training/batches";
import { readRunData } from "guie/dist/training/data";
import { makeTinyData } from "../training/tiny_data";

test("a column of the grid holds the very pixels of that epoch's batches", async () => {
  const dataDir = await makeTinyData();
  try {
    const config = overrideConfig(preset("tiny"), { dataDir, batchSize: 1, maxStepsPerEpoch: 0 });
    const { train } = await readRunData(config);
    const batches = imageBatches(config, train, { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] });
    const pixelsOf = async (row: number, epoch: number) => {
      for (let stepInEpoch = 1; stepInEpoch <= batches.stepsPerEpoch; stepInEpoch++) {
        const { files, inputs } = await batches.batchAt({ epoch, stepInEpoch });
        if (files[0] === train.files.at(row))
          return { width: 28, height: 28, data: Uint8Array.from(inputs, Math.round) };
      }
      throw new Error(`row ${row} is in no batch of epoch ${epoch}`);
    };
    const grid = await augmentationGrid(config, 2, 3);
    const shown = grid.bundle["text/html"] as string;
    for (const row of [0, 15]) {
      for (const epoch of [1, 2]) {
        const alone = await imageGrid([{ image: await pixelsOf(row, epoch), caption: `epoch ${epoch}` }]);
        const [cell] = (alone.bundle["text/html"] as string).match(/<td.*<\/td>/)!;
        assert.ok(shown.includes(cell), `row ${row}, epoch ${epoch}`);
      }
    }
    assert.equal(shown.match(/<tr/g)!.length, 2);
    assert.equal(shown.match(/as it is/g)!.length, 2);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
