// The augmentation shown in Train is the one used in training.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import { imageGrid } from "guie/dist/notebook/output/images";
import { augmentationGrid, augmentationRanges } from "guie/dist/notebook/views/augmentation_views";
import { imageBatches } from "guie/dist/training/data/batches";
import { readRunData } from "guie/dist/training/data/read_run_data";
import { makeTinyData } from "../training/tiny_data";

for (const augmentation of ["original", "photos"] as const)
  test(`a column of the grid has exactly the pixels of that epoch's batches: ${augmentation}`, async () => {
    const dataDir = await makeTinyData();
    try {
      const changes = { dataDir, batchSize: 1, maxStepsPerEpoch: 0, augmentation };
      const config = overrideConfig(preset("tiny"), changes);
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

test("each row of the augmentation is shown alone, each of its numbers from one end of its range to the other", async () => {
  const dataDir = await makeTinyData();
  try {
    const config = overrideConfig(preset("tiny"), { dataDir });
    const captionsOf = ({ bundle }: Awaited<ReturnType<typeof augmentationRanges>>) =>
      (bundle["text/plain"] as string).replace("Images: ", "").split(" | ");
    const original = await augmentationRanges(config, { row: 3, columns: 3 });
    assert.deepEqual(captionsOf(original), [
      ...["flip no", "flip yes", "flip yes"],
      ...["brightness -0.1", "brightness 0", "brightness +0.1"],
      ...["contrast x 0.9", "contrast x 1", "contrast x 1.1"],
      ...["scale x 0.8", "scale x 1", "scale x 1.2"],
      ...["rotation -10°", "rotation 0°", "rotation +10°"],
      ...["cut-out 10 %", "cut-out 15 %", "cut-out 20 %"],
    ]);
    const pictures = (original.bundle["text/html"] as string).match(/src="[^"]+"/g)!;
    // In the middle of its range, a part leaves the image as it is.
    assert.deepEqual([pictures[4], pictures[7], pictures[10], pictures[13]], Array(4).fill(pictures[0]));
    const rows = [
      { name: "RandomResizedCrop", scale: [0.5, 1] },
      { name: "ColorJitter", saturation: 0.4, hue: 0.1 },
      { name: "ToGray" },
      { name: "GaussianBlur", sigma: [0.5, 1.5] },
    ] as const;
    const others = await augmentationRanges(overrideConfig(config, { augmentation: rows }), {
      columns: 2,
    });
    assert.deepEqual(captionsOf(others), [
      ...["crop 50 %", "crop 100 %", "saturation x 0.6", "saturation x 1.4", "hue -36°", "hue +36°"],
      ...["grey no", "grey yes", "blur 0.5 px", "blur 1.5 px"],
    ]);
    const none = overrideConfig(config, { augmentation: "none" });
    await assert.rejects(augmentationRanges(none), /does not augment.*\n.*original/);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
