// A tweak without a page: what it shows for a config, and the line of code to paste.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import { chartSvg } from "guie/dist/notebook/output/curve_svg";
import { configCharts } from "guie/dist/notebook/tweak/config_charts";
import { overridesLine } from "guie/dist/notebook/tweak/moved_settings";
import { tweak } from "guie/dist/notebook/tweak/tweak";
import { dropdown, slider } from "guie/dist/notebook/widgets/controls";
import { makeTinyData } from "../training/tiny_data";
import { commOf, forgetComms, moveInPage, opened } from "./fake_comms";

test("the line to paste has all that differs from the preset, and nothing that names the run", () => {
  const config = overrideConfig(preset("demo", "frozen"), {
    margin: 0.25,
    lrSchedule: "original",
    runName: "mine",
  });
  assert.equal(overridesLine(config), 'frozen: { margin: 0.25, lrSchedule: "original" },');
  const tuned = overrideConfig(preset("demo", "fine_tune"), { s: 20 });
  assert.equal(overridesLine(tuned), "fineTune: { s: 20 },");
});

test("the charts of a config: rate and margin by epoch beside the preset's, the logit with the loss's own rule", () => {
  const base = preset("tiny", "fine_tune");
  const config = overrideConfig(base, { margin: 0.5, marginStep: 0, s: 10 });
  const [rate, margin, logit] = configCharts(config, base);
  assert.equal(rate!.lines.length, 1, "the same as the preset's");
  assert.deepEqual(
    margin!.lines.map(({ name, y }) => [name, y[0]]),
    [
      ["now", 0.5],
      ["preset", 0.3],
    ],
  );
  const [without, withIt] = logit!.lines;
  const at = (degrees: number) => without!.x.indexOf(degrees);
  assert.ok(Math.abs(withIt!.y[at(90)]! - 10 * Math.cos(Math.PI / 2 + 0.5)) < 1e-9);
  assert.ok(Math.abs(withIt!.y[at(180)]! - 10 * (-1 - 0.5 * Math.sin(Math.PI - 0.5))) < 1e-9);
  const svg = chartSvg({ ...margin!, title: "<margin>" });
  assert.match(svg, /&lt;margin&gt;/);
  assert.equal(svg.match(/class="line"/g)?.length, 2);
  assert.doesNotMatch(
    chartSvg({ title: "", x: "", lines: [{ name: "", x: [1, 1], y: [3, 3] }] }),
    /NaN|Infinity/,
  );
});

test("a tweak follows its controls: config, name, cost and pictures; it shows the preset's values and refuses wrong ranges", async (t) => {
  forgetComms();
  const dataDir = await makeTinyData();
  t.after(() => rmSync(dataDir, { recursive: true }));
  const config = overrideConfig(preset("tiny", "fine_tune"), { runName: "mine", dataDir, initFrom: "" });
  const controls = () => ({
    margin: slider(0, 0.8),
    nEpochs: slider(1, 9, { step: 1 }),
    imageSize: dropdown([28, 56]),
  });
  const shown = await tweak(config, controls());
  assert.equal(shown.config, config, "nothing is moved");
  assert.match(shown.still().text, /margin: 0\.3 \(0 to 0\.8\) {2}\[preset: 0\.3\]/);
  assert.match(shown.still().text, /6 steps in 2 epochs, about .* on this machine/);
  assert.match(shown.still().html, /<img width="290" src="data:image\/png.*data:image\/jpeg/s);
  await moveInPage(commOf("FloatSliderModel"), { value: 4 });
  await moveInPage(commOf("DropdownModel"), { index: 1 });
  assert.deepEqual([shown.config.nEpochs, shown.config.imageSize, shown.config.margin], [4, 56, 0.3]);
  assert.match(shown.config.runName, /^tiny_.*imageSize56.*nEpochs4.*_fine_tune$/);
  const isDrawn = () =>
    opened.some(({ sent }) => sent.some(({ data }) => JSON.stringify(data).includes("epoch 1 sees, 56 px")));
  for (let i = 0; i < 200 && !isDrawn(); i++) await sleep(50);
  assert.ok(isDrawn(), "the pictures follow");
  const narrow = await tweak(overrideConfig(config, { imageSize: 42 }), {
    margin: slider(0.5, 0.8),
    imageSize: dropdown([56]),
  });
  assert.match(narrow.still().text, /margin: 0\.3 \(0\.3 to 0\.8\)/, "a range is widened");
  assert.match(narrow.still().text, /imageSize: 42 {2}\[↺ preset: 28\]/);
  await assert.rejects(tweak(config, {}), /tweak needs controls/);
  await assert.rejects(tweak(config, { margn: slider(0, 1) } as object), /Did you mean "margin"/);
});
