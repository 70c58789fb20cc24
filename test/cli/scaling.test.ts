// Tests that the flags of guie scaling reach the formula.
import assert from "node:assert/strict";
import { test } from "node:test";
import { guie } from "../in_process";

test("guie scaling uses the given network, share and classes", async () => {
  const flags = "--hosts 2 --devices-per-host 1,4 --network-gbit 8 --transfer-share 1 --classes 1000 --json";
  const { status, stdout } = await guie("scaling", "--machine", "h100", ...flags.split(" "));
  assert.equal(status, 0);
  const { predictions } = JSON.parse(stdout) as { predictions: Record<string, number>[] };
  assert.deepEqual(
    predictions.map(({ devices }) => devices),
    [2, 8],
  );
  // 1 GB/s; ViT-H without proj has 630.77 M weights, the neck 82,000, the head 64,000: 2.5237 GB, sent 2 (W - 1) / W
  // times, in 101 buckets of 2 (W - 1) messages of 6 us
  for (const { devices: W, reduceSeconds } of predictions) {
    const expected = ((2 * (W! - 1)) / W!) * 2.5237 + 101 * 2 * (W! - 1) * 6e-6;
    assert.ok(Math.abs(reduceSeconds! - expected) < 1e-3, `${reduceSeconds}, not ${expected}`);
  }
});
