// The table of tries without a page: rows, what it asks, what it deletes.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setRoot } from "guie/dist/common/project";
import { type ConfigOverrides, overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import { tries } from "guie/dist/notebook/tweak/tries";
import { temporaryFolder, writeFile } from "../folders";
import { commOf, forgetComms, sendInPage } from "./fake_comms";

/** Writes a run that has finished with a score. */
function writeRun(root: string, name: string, mp5: number, overrides: ConfigOverrides = {}): string {
  const folder = join(root, "checkpoints", name);
  const config = overrideConfig(preset("tiny", "frozen"), { runName: name.split("/").at(-1)!, ...overrides });
  const scores = { kind: "retrieval", epoch: 1, step: 1, queries: 6, mp5, r1: 1 };
  const intervals = { mp5: { low: mp5 - 0.05, high: mp5 + 0.05 }, r1: { low: 1, high: 1 } };
  const end = { kind: "end", reason: "finished", elapsedSeconds: 1 };
  writeFile(join(folder, "config.json"), JSON.stringify(config));
  writeFile(
    join(folder, "metrics.jsonl"),
    `${JSON.stringify({ ...scores, intervals })}\n${JSON.stringify(end)}\n`,
  );
  writeFile(join(folder, "last.safetensors"), new Uint8Array(3 * 2 ** 20));
  return folder;
}

function useRoot(t: TestContext): string {
  const root = temporaryFolder(t);
  setRoot(root);
  t.after(() => setRoot(""));
  return root;
}

test("tries: scores with intervals first, then the settings that differ; sweeps are one row; names are escaped", (t) => {
  forgetComms(false);
  const root = useRoot(t);
  assert.equal(tries().still().text, "checkpoints/ holds no run yet.");
  writeRun(root, "plain", 0.5, { dataDir: "data/<b>" });
  writeRun(root, "wide", 0.625, { margin: 0.2, s: 30 });
  writeRun(root, "lr_sweep/initLr_0.01", 0.7, { initLr: 0.01 });
  const { text, html } = tries().still();
  assert.match(text, /^run +mP@5 +mP@5, 95 % +R@1 +settings +state +MB +when/);
  assert.match(text, /wide +0\.625 +\[0\.575, 0\.675\] +1 +tiny: s 30, margin 0\.2 +finished +3 /);
  assert.match(text, /plain +0\.500 +\[0\.450, 0\.550\] +1 +tiny: dataDir data\/<b> +finished/);
  assert.match(text, /lr_sweep +sweep of 1 runs, the best 0\.7: initLr 0\.01 +finished/);
  assert.match(html, /data\/&lt;b&gt;/);
});

test("tries ask before they delete, say the bytes, and keep what another run needs", async (t) => {
  forgetComms();
  const root = useRoot(t);
  const folder = writeRun(root, "old", 0.5);
  writeRun(root, "start", 0.5);
  writeRun(root, "tuned", 0.6, { initFrom: "start" });
  tries();
  const comm = commOf("AnyModel");
  const answers = () =>
    comm.sent.flatMap(({ data }) =>
      data.method === "custom" ? [data.content as Record<string, string>] : [],
    );
  const send = async (kind: string, ...names: string[]) => {
    await sendInPage(comm, { kind, names });
    return answers().at(-1)!;
  };
  assert.match((await send("plan", "old")).ask!, /^Delete old \(3\.0 MB\)\?$/);
  assert.match((await send("plan", "start")).ask!, /^Delete start .*\? tuned started from it: /);
  assert.ok(existsSync(folder), "a question deletes nothing");
  assert.match((await send("delete", "old")).said!, /^old: deleted, 3\.0 MB freed\.$/);
  assert.ok(!existsSync(folder));
  assert.match((await send("delete", "old")).said!, /^Nothing is deleted: Expected a run at .*old/);
  assert.ok(existsSync(join(root, "checkpoints", "start")));
});
