// Old names of settings: read everywhere, written nowhere.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type ConfigOverrides, overrideConfig, SETTING_NAMES, SETTINGS } from "guie/dist/config/config";
import { OLD_SETTINGS, withPresentNames } from "guie/dist/config/old_names";
import { tiny, vit224 } from "guie/dist/config/presets";
import { settingDocs } from "guie/dist/config/setting_docs";
import { planSweep } from "guie/dist/experiments/sweep";

/** Collects the lines that go to standard error until the end of the test. */
function captureStderr(t: TestContext): string[] {
  const lines: string[] = [];
  t.mock.method(process.stderr, "write", (line: string) => lines.push(line) > 0);
  return lines;
}

const old = (settings: Record<string, unknown>) => settings as ConfigOverrides;

test("settings and values get their present names; others are unchanged", () => {
  const given = { workers: 2, lrSchedule: "seed", seed: 3, nothing: "seed", numWorkers: 1 };
  const { settings, notes } = withPresentNames(given);
  const expected = { processes: 2, lrSchedule: "original", seed: 3, nothing: "seed", numWorkers: 1 };
  assert.deepEqual(settings, expected);
  assert.equal(notes.length, 2);
  assert.deepEqual(withPresentNames(expected), { settings: expected, notes: [] });
});

test("a setting that was a switch has its present value: patchMean is patchPooling", (t) => {
  captureStderr(t);
  const poolings = [true, false].map((patchMean) => overrideConfig(tiny(), old({ patchMean })).patchPooling);
  assert.deepEqual(poolings, ["mean", "none"]);
});

test("an old name belongs to an existing setting and is not a setting itself", () => {
  for (const [before, now] of OLD_SETTINGS) {
    assert.ok((SETTING_NAMES as string[]).includes(now), now);
    assert.ok(!(SETTING_NAMES as string[]).includes(before), before);
  }
});

test("an override by its old name works, and a notice gives the new name once", (t) => {
  const lines = captureStderr(t);
  for (let i = 0; i < 2; i++) {
    const config = overrideConfig(tiny(), old({ workers: 3, lrSchedule: "seed" }));
    assert.deepEqual([config.processes, config.lrSchedule], [3, "original"]);
    assert.ok(!("workers" in config));
  }
  assert.deepEqual(lines, [
    'guie: the setting "workers" is called "processes" now.\n',
    'guie: lrSchedule "seed" is called "original" now.\n',
  ]);
});

test("a setting given by both of its names is refused; an error about its value uses the present name", (t) => {
  captureStderr(t);
  assert.throws(
    () => overrideConfig(tiny(), old({ workers: 3, processes: 2 })),
    /"workers" and "processes" are the same.*\n.*Give only "processes"/,
  );
  assert.throws(() => overrideConfig(tiny(), old({ workers: 0 })), /processes = 0: /);
  assert.throws(() => overrideConfig(tiny(), old({ worker: 2 })), /no setting "worker"/);
});

test("a sweep over an old name is a sweep over the present one", (t) => {
  captureStderr(t);
  const grid = { lrSchedule: ["seed", "cosine"] } as unknown as Parameters<typeof planSweep>[1];
  const runs = planSweep(tiny("frozen"), grid, "none");
  assert.deepEqual(
    runs.map(({ settings, folder }) => [settings.lrSchedule, folder.split("/").at(-1)]),
    [
      ["original", "lrSchedule_original"],
      ["cosine", "lrSchedule_cosine"],
    ],
  );
});

test("each row's default fits its schema and equals vit_224's; each has one line of documentation", () => {
  const preset: Record<string, unknown> = { ...vit224() };
  assert.deepEqual(Object.keys(preset), SETTING_NAMES);
  for (const [name, { schema, default: value }] of Object.entries(SETTINGS)) {
    assert.deepEqual(schema.parse(value), preset[name], name);
    assert.match(settingDocs().get(name) ?? "", /^[^\n]+\.$/, name);
  }
});
