// Claims of places: one process at a time fills a place, also when owners die.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { asOwner, claim, claimAfter } from "guie/dist/common/files/claim";
import { type Owner, ownerFile, ownerOf } from "guie/dist/common/files/owner";
import { installPath } from "guie/dist/common/project";
import { temporaryFolder } from "../folders";

const contender = installPath("build/test/common/contender.js");

test("a place has one owner; a second process learns who it is, and gets the place afterwards", async (t) => {
  const place = join(temporaryFolder(t), "place");
  const first = claim(place, "The work");
  assert.equal(ownerOf(place)?.pid, process.pid);
  assert.throws(
    () => claim(place, "The work"),
    new RegExp(
      `The work in ${place} is under way \\(process ${process.pid}, since \\d{4}-\\d\\d-\\d\\d [\\d:]+ UTC\\)`,
    ),
  );
  const second = claimAfter(place, "The work");
  first.release();
  (await second).release();
  assert.equal(ownerOf(place), undefined);
  assert.equal(await asOwner(place, "The work", async () => 7), 7);
  await assert.rejects(
    asOwner(place, "The work", async () => assert.fail("it went wrong")),
    /it went wrong/,
  );
  assert.deepEqual(readdirSync(join(place, "..")), []);
});

test("processes that wait for dying owners get the place one at a time", async (t) => {
  const folder = temporaryFolder(t);
  const place = join(folder, "place");
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, [contender, place, "4"], { stdio: ["ignore", "ignore", "pipe"] }),
  );
  const ends = children.map(async (child) => {
    let errors = "";
    child.stderr.on("data", (data) => {
      errors += data;
    });
    const [, signal] = await once(child, "close");
    return signal === "SIGKILL" ? "as it should" : errors;
  });
  assert.deepEqual(new Set(await Promise.all(ends)), new Set(["as it should"]));
  assert.equal(ownerOf(place), undefined);
  claim(place, "The work").release(); // the last one's death leaves the place free
  assert.deepEqual(readdirSync(folder), []);
});

test("a place that is handed to another process belongs to it until it ends", async (t) => {
  const place = join(temporaryFolder(t), "place");
  const handed = claim(place, "The work");
  const code = `const { claim } = require("guie/dist/common/files/claim");
    claim(${JSON.stringify(place)}, "The work");
    process.stdout.write("mine");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", code], {
    cwd: __dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  handed.handTo(child.pid!);
  handed.release(); // has no effect after handTo
  assert.equal(String((await once(child.stdout, "data"))[0]), "mine");
  assert.equal(ownerOf(place)?.pid, child.pid);
  assert.throws(() => claim(place, "The work"), /under way/);
  child.kill("SIGKILL");
  await once(child, "close");
  claim(place, "The work").release();
});

test("an owner on another host lives as long as it gives signs of life; a reused number is another process", (t) => {
  const place = join(temporaryFolder(t), "place");
  const file = ownerFile(place);
  const current = claim(place, "The work");
  const owner = JSON.parse(readFileSync(file, "utf8")) as Owner;
  current.release();
  const writeOwner = (changes: Partial<Owner>) =>
    writeFileSync(file, JSON.stringify({ ...owner, ...changes }));
  writeOwner({ host: "elsewhere", pid: spawnSync("true").pid });
  assert.throws(
    () => claim(place, "The work"),
    /on elsewhere, since[\s\S]*Wait for its end[\s\S]*or delete /,
  );
  const longAgo = new Date(Date.now() - 11 * 60_000);
  utimesSync(file, longAgo, longAgo);
  claim(place, "The work").release();
  writeOwner({ pid: process.ppid, start: "1" });
  claim(place, "The work").release();
  writeOwner({ namespace: "pid:[1]" });
  assert.equal(ownerOf(place)?.namespace, "pid:[1]");
  assert.ok(existsSync(file));
});
