// Names of a run's tensors: composed names can be parsed, and every weight of every tower has its place.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { findTower, TOWERS, towerShapes } from "guie/dist/model/towers";
import {
  accumulatedOf,
  averagedCountOf,
  firstMomentOf,
  isOfHead,
  isOfTower,
  isSharded,
  isWeight,
  nameInTower,
  placeInTower,
  SKIPPED_STEPS,
  secondMomentOf,
  storedName,
  TOWER_PREFIX,
  weightOf,
} from "guie/dist/model/weight_names";

test("names equal those in the files", () => {
  assert.equal(firstMomentOf("neck.bias"), "optimizer.exp_avg.neck.bias");
  assert.equal(secondMomentOf("neck.bias"), "optimizer.exp_avg_sq.neck.bias");
  assert.equal(accumulatedOf("neck.bias"), "optimizer.grad.neck.bias");
  assert.equal(storedName("raw", "neck.bias"), "neck.bias");
  assert.equal(storedName("swa", "neck.bias"), "swa.neck.bias");
  assert.equal(averagedCountOf("ema"), "ema.n_averaged");
  assert.equal(SKIPPED_STEPS, "optimizer.skipped_steps");
});

test("moments and averages are not weights, and their names lead back to the weight", () => {
  for (const name of ["head.weight", "visual.conv1.weight", "neck.norm.running_mean"]) {
    const derived = [
      firstMomentOf(name),
      secondMomentOf(name),
      storedName("ema", name),
      storedName("swa", name),
    ];
    for (const other of derived) {
      assert.equal(weightOf(other), name);
      assert.equal(isWeight(other), false, other);
    }
    assert.equal(weightOf(name), name);
    assert.equal(isWeight(name), true, name);
  }
  for (const name of [SKIPPED_STEPS, averagedCountOf("ema"), accumulatedOf("head.weight")])
    assert.equal(isWeight(name), false, name);
});

test("the head is its weights with their moments and averages; only its rows are sharded", () => {
  const ofHead = ["head.weight", "head.margin_share", "ema.head.weight", "optimizer.exp_avg_sq.head.weight"];
  for (const name of ofHead) assert.equal(isOfHead(name), true, name);
  const others = ["neck.head.weight", "visual.head.weight", "header.weight", "optimizer.grad.head.weight"];
  for (const name of others) assert.equal(isOfHead(name), false, name);
  assert.deepEqual([...ofHead, ...others].filter(isSharded), [
    "head.weight",
    "ema.head.weight",
    "optimizer.exp_avg_sq.head.weight",
  ]);
});

test("every weight of every tower is before the blocks, in one of them or after them", () => {
  for (const tower of TOWERS) {
    const names = [...towerShapes(tower).keys()].map((name) => TOWER_PREFIX + name);
    const places = names.map(placeInTower);
    const blocks = new Set(places.filter((place) => typeof place === "number"));
    assert.deepEqual(
      [...blocks],
      Array.from({ length: tower.layers }, (_, i) => i),
      tower.name,
    );
    const start = places.indexOf(0);
    assert.ok(
      places.slice(0, start).every((place) => place === "before"),
      tower.name,
    );
    const rest = places.slice(places.lastIndexOf(tower.layers - 1) + 1);
    assert.ok(rest.length > 0 && rest.every((place) => place === "after"), tower.name);
  }
  assert.equal(placeInTower("neck.bias"), undefined);
  const [first] = towerShapes(findTower("tiny")).keys();
  assert.equal(nameInTower(TOWER_PREFIX + first!), first);
  assert.deepEqual(["visual.proj", "ema.visual.proj"].map(isOfTower), [true, false]);
});

/** A pattern or a piece of text that parses a run's names. */
const BY_HAND =
  /resblocks\\\.|exp_avg|"(optimizer|ema|swa|visual)\."|\/\^?\(?(optimizer|ema|swa|visual|head)\\\./;
/** Files that parse names, most of them those of other projects' files. */
const OTHERS = ["model/weight_names.ts", "pretrained/name_families.ts", "pretrained/tower_names.ts"];

test("no other file of lib parses these names", () => {
  const lib = installPath("lib");
  const sources = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !/^(dist|node_modules)\//.test(file) && !OTHERS.includes(file),
  );
  assert.deepEqual(
    sources.filter((file) => BY_HAND.test(readFileSync(join(lib, file), "utf8"))),
    [],
  );
});
