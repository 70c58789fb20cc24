// Lists of images that `guie embed` accepts or refuses.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readImageList } from "guie/dist/features/image_list";
import { temporaryFolder, writeFile } from "../folders";

test("a single image is a list of one; a file that is not text is refused, not read as paths", async (t) => {
  const folder = temporaryFolder(t);
  writeFile(join(folder, "a/one.JPG"), Uint8Array.of(0xff, 0xd8, 0));
  assert.deepEqual(await readImageList(join(folder, "a/one.JPG"), "elsewhere"), {
    folder: join(folder, "a"),
    rows: { files: ["one.JPG"] },
    leftOut: [],
  });
  writeFile(join(folder, "list"), "x.jpg\n\n y.jpg\n");
  assert.deepEqual(await readImageList(join(folder, "list"), folder), {
    folder,
    rows: { files: ["x.jpg", "y.jpg"] },
    leftOut: [],
  });
  for (const [name, bytes, message] of [
    [
      "weights.bin",
      Uint8Array.of(0x61, 0, 0x0a),
      /weights\.bin is no folder of photos and no table.*\n {2}Next: Name a folder/,
    ],
    ["zeros.txt", Uint8Array.of(0x61, 0, 0x0a), /holds zero bytes\.\n {2}Next: Name a folder/],
    ["latin1.txt", Uint8Array.of(0xe4, 0x2e, 0x6a, 0x70, 0x67), /not UTF-8.*\n {2}Next: .*iconv/],
  ] as const) {
    writeFile(join(folder, name), bytes);
    await assert.rejects(readImageList(join(folder, name), folder), message);
  }
  await assert.rejects(
    readImageList(join(folder, "none"), folder),
    /there is none\.\n {2}Next: Name a folder, a table/,
  );
});
