// Controls in JupyterLab: dragged, typed into, clicked, in two tabs, after a reload and after a restart of the kernel.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { makeTinyData } from "../training/tiny_data";
import { openCells, outputSelector, savePicture, waitForText } from "./cells";
import { type Lab, runAllCells, skipWithoutChromium, startLab, waitUntilIdle } from "./lab";
import { dragSlider, redrawTimes, timesText } from "./redraw_times";
import { makeWorkspace } from "./workspace";

const skip = skipWithoutChromium;
const STILL = "A picture of the controls as the cell made them";
const TIMEOUT_MS = 60_000;

let workspace: ReturnType<typeof makeWorkspace>;
let lab: Lab;
let page: Page;
let dataDir: string;

before(async () => {
  if (skip) return;
  dataDir = await makeTinyData();
  workspace = makeWorkspace();
  lab = await startLab({ root: workspace.root, heightPx: 1500 });
  ({ page } = lab);
});

after(async () => {
  await lab?.stop();
  workspace?.remove();
  if (dataDir) rmSync(dataDir, { recursive: true });
});

/** Runs a command of a menu. */
async function command(menu: string, item: string): Promise<void> {
  await page.getByRole("menuitem", { name: menu, exact: true }).click();
  await page.getByText(item, { exact: true }).click();
}

const CELLS = [
  `import * as guie from "guie";
const margin = guie.slider(0, 0.8, { step: 0.05, value: 0.4, label: "margin" });
margin.onChange((value) => console.log("margin is", value));
await guie.show(margin);`,
  `const go = guie.button("Go");
const word = guie.text({ label: "word" });
let clicks = 0;
go.onClick(() => {
  if (++clicks === 2) throw new guie.UserError("The second click fails.", "Click again.");
  word.value = "click " + clicks;
});
const picked = guie.widget({
  esm: \`export default { render({ model, el }) {
    const numbers = new Float32Array(model.get("points").buffer);
    el.innerHTML = "<button class='pick'>pick " + numbers[2] + "</button><i></i>";
    el.querySelector("button").onclick = () => { model.set("picked", [4, 8]); model.save_changes(); };
    const tell = () => { el.querySelector("i").textContent = model.get("answer"); };
    model.on("change:answer", tell);
    tell();
  } }\`,
  state: { points: new Float32Array([1, 2, 42]), picked: [] as number[], answer: "" },
});
picked.onChange(({ picked: now }) => picked.set({ answer: "kernel saw " + now.join() }));
await guie.show(guie.column(guie.row(go, word), picked));`,
  `let seen = 0;
margin.onChange((value) => { seen = value; });
console.log("waits");
while (seen < 0.7) await new Promise((done) => setTimeout(done, 50));
console.log("went on at", seen);`,
];

test("a slider is dragged and typed into while a cell awaits, in two tabs, after a reload, a restart and in a reopened file", {
  skip,
}, async () => {
  await openCells(page, workspace.root, "controls.ipynb", CELLS);
  await waitForText(page, outputSelector(2), "waits");
  await dragSlider(page, outputSelector(0), 0, 200);
  await waitForText(page, outputSelector(2), /went on at 0\.[78]/);
  assert.match(await page.locator(outputSelector(0)).innerText(), /margin is 0\.45\n/);
  await page.locator(`${outputSelector(0)} .widget-readout`).fill("0.15");
  await page.keyboard.press("Enter");
  await waitForText(page, outputSelector(0), "margin is 0.15");

  const go = page.locator(`${outputSelector(1)} button`, { hasText: "Go" });
  await go.click();
  await page.waitForFunction(
    `document.querySelector("${outputSelector(1)} input[type=text]").value === "click 1"`,
  );
  await go.click();
  await waitForText(
    page,
    `${outputSelector(1)} .guie-widget-error`,
    "The second click fails.\n  Next: Click again.",
  );
  await savePicture(page, "controls_error");
  await go.click();
  await page.waitForFunction(
    `document.querySelector("${outputSelector(1)} input[type=text]").value === "click 3"`,
  );
  await page.locator(".guie-widget-error").waitFor({ state: "detached" }); // when it works again
  await page.locator(`${outputSelector(1)} .pick`, { hasText: "pick 42" }).click();
  await waitForText(page, outputSelector(1), "kernel saw 4,8");

  await page.keyboard.press("Control+s");
  await page.waitForTimeout(1_000);
  const second = await page.context().newPage();
  await second.goto(page.url());
  await waitForText(second, outputSelector(0), "0.15");
  await dragSlider(second, outputSelector(0), 0, 100);
  const moved = await second.locator(`${outputSelector(0)} .widget-readout`).innerText();
  assert.notEqual(moved, "0.15");
  await waitForText(page, `${outputSelector(0)} .widget-readout`, moved);
  await second.close();

  await page.reload();
  await waitForText(page, `${outputSelector(0)} .widget-readout`, moved);
  await waitForText(page, outputSelector(1), "kernel saw 4,8");
  await waitForText(page, `${outputSelector(1)} .pick`, "pick 42");
  await go.click();
  await page.waitForFunction(
    `document.querySelector("${outputSelector(1)} input[type=text]").value === "click 4"`,
  );

  await command("Kernel", "Restart Kernel…");
  await page.locator(".jp-Dialog .jp-mod-accept").click();
  await waitForText(page, outputSelector(0), STILL);
  await savePicture(page, "controls_restarted");
  assert.match(await page.locator(outputSelector(0)).innerText(), /margin:\s+0\.4 \(0 to 0\.8\)/);
  await page.reload();
  await waitForText(page, outputSelector(0), STILL);
  assert.equal(await page.getByText("model not found").filter({ visible: true }).count(), 0);
  assert.equal(await page.locator(".noUi-handle").count(), 0);
});

const tweakCells = () => [
  `import * as guie from "guie";
const config = guie.overrideConfig(guie.preset("tiny", "fine_tune"), { runName: "lesson", dataDir: ${JSON.stringify(dataDir)}, initFrom: "", maxStepsPerEpoch: 3, nEpochs: 5 });
const tweak = await guie.tweak(config, {
  margin: guie.slider(0, 0.8, { step: 0.01 }),
  nEpochs: guie.slider(1, 400, { step: 1 }),
  imageSize: guie.dropdown([28, 42, 56]),
});
await guie.show(tweak);`,
];

test("a tweak follows the mouse, resets, starts and stops its run; a rerun of the cell closes the old one", {
  skip,
}, async (t) => {
  await openCells(page, workspace.root, "tweak.ipynb", tweakCells());
  await waitUntilIdle(page);
  await waitForText(page, outputSelector(0), "What epoch 1 sees, 28 px");
  assert.match(await page.locator(outputSelector(0)).innerText(), /nEpochs: 5/);
  const margins = await redrawTimes(page, outputSelector(0), 0, /margin: ([\d.]+)/, () =>
    dragSlider(page, outputSelector(0), 0, 120),
  );
  t.diagnostic(`schedule, curve and line: ${timesText(margins)}`);
  assert.ok(margins.length >= 10, `${margins.length} redraws`);
  await waitForText(page, outputSelector(0), /fineTune: \{ .*margin: 0\.[4-7]/);
  const epochs = await redrawTimes(page, outputSelector(0), 1, /steps in (\d+) epochs/, () =>
    dragSlider(page, outputSelector(0), 1, 200),
  );
  t.diagnostic(`estimate: ${timesText(epochs)}`);
  assert.ok(epochs.length >= 10, `${epochs.length} redraws`);
  await page.locator(`${outputSelector(0)} select`).selectOption("56");
  await waitForText(page, outputSelector(0), "What epoch 1 sees, 56 px");
  await page.locator(`${outputSelector(0)} button`, { hasText: "preset: 0.3" }).click();
  await waitForText(page, outputSelector(0), /fineTune: \{ (?!.*margin)/);
  await savePicture(page, "tweak");

  await page.locator(`${outputSelector(0)} button`, { hasText: "Start this run" }).click();
  await waitForText(page, outputSelector(0), /step \d+\/\d+/);
  await page.locator(`${outputSelector(0)} svg`, { hasText: "Loss" }).waitFor({ timeout: TIMEOUT_MS });
  await savePicture(page, "tweak_running");
  await page.locator(`${outputSelector(0)} button`, { hasText: "Stop" }).click();
  await waitForText(page, outputSelector(0), /stopped/);
  const [name] = /tiny_\S+_fine_tune/.exec(await page.locator(outputSelector(0)).innerText())!;
  const kept = JSON.parse(readFileSync(join(workspace.root, "checkpoints", name, "config.json"), "utf8"));
  assert.deepEqual([kept.imageSize, kept.margin], [56, 0.3]);

  await runAllCells(page);
  await waitUntilIdle(page);
  assert.equal(await page.locator(`${outputSelector(0)} .noUi-handle`).count(), 2);
  await waitForText(page, outputSelector(0), "What epoch 1 sees, 28 px");
});

test("photos that are dropped on an upload are in its folder, whole, and the next cell reads their names", {
  skip,
}, async () => {
  await openCells(page, workspace.root, "upload.ipynb", [
    `import * as guie from "guie";
const photos = guie.upload({ name: "shop" });
photos.onUpload((files) => console.log("came:", files.join(" ")));
await guie.show(photos);`,
  ]);
  await page.locator(`${outputSelector(0)} input.files`).waitFor({ state: "attached", timeout: TIMEOUT_MS });
  const photo = readFileSync(join(dataDir, "final_data_224/tiny/images/0_0.jpg"));
  const large = Buffer.concat([photo, Buffer.alloc(3 << 20, 7)]);
  await page.locator(`${outputSelector(0)} input.files`).setInputFiles([
    { name: "Käse 1.JPG", mimeType: "image/jpeg", buffer: photo },
    { name: "large.jpg", mimeType: "image/jpeg", buffer: large },
    { name: "virus.exe", mimeType: "application/octet-stream", buffer: photo },
  ]);
  await waitForText(page, outputSelector(0), "2 files in data/uploads/shop.");
  await waitForText(page, outputSelector(0), "came: Käse 1.JPG large.jpg");
  const folder = join(workspace.root, "data/uploads/shop");
  assert.deepEqual(readFileSync(join(folder, "large.jpg")), large);
  assert.ok(!existsSync(join(folder, "virus.exe")));
  await page.locator(`${outputSelector(0)} details`).click();
  await waitForText(page, outputSelector(0), "virus.exe: it is no image and no table");
  await savePicture(page, "upload");
});
