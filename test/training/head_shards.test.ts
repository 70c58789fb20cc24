// The requirements of a head that is sharded over processes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { shardPlan } from "guie/dist/training/ranks/head_shards";

const NO_WEIGHTS = { shapes: new Map() };

test("sampling classes needs several processes; the message names what is missing", () => {
  const sampled = overrideConfig(tiny(), { shardHead: true, classShare: 0.1 });
  assert.throws(
    () => shardPlan(sampled, NO_WEIGHTS, undefined),
    /classShare is 0\.1, but this process is the only one.*\n.*processes or gpus to 2 or more/,
  );
  assert.throws(
    () => shardPlan(overrideConfig(sampled, { shardHead: false }), NO_WEIGHTS, undefined),
    /classShare is 0\.1, but .*shardHead is off/,
  );
  assert.equal(shardPlan(overrideConfig(sampled, { classShare: 1 }), NO_WEIGHTS, undefined), undefined);
});
