// Image grids.
import assert from "node:assert/strict";
import { test } from "node:test";
import { imageGrid } from "guie/dist/notebook/output/images";
import { JSDOM } from "jsdom";
import sharp from "sharp";

/** Returns 40 x 20 pixels of one colour. */
const plain = (...rgb: number[]) => ({
  width: 40,
  height: 20,
  data: Uint8Array.from({ length: 40 * 20 * 3 }, (_, i) => rgb[i % 3]!),
});

async function gridDocument(...args: Parameters<typeof imageGrid>) {
  const { bundle } = await imageGrid(...args);
  return new JSDOM(bundle["text/html"] as string).window.document;
}

test("pictures are arranged in rows, as small JPEGs of the right colour, with captions as text", async () => {
  const png = await sharp({ create: { width: 10, height: 30, channels: 3, background: "#0000ff" } })
    .png()
    .toBuffer();
  const items = [
    { image: plain(200, 0, 0), caption: "<b>query</b>" },
    { image: png, caption: "right", frame: "green" as const },
    { image: plain(0, 200, 0), caption: "wrong", frame: "red" as const },
  ];
  const document = await gridDocument(items, { columns: 2, sizePx: 60 });
  const rows = [...document.querySelectorAll("tr")].map((row) => row.children.length);
  assert.deepEqual(rows, [2, 1]);
  const captions = [...document.querySelectorAll("td")].map((cell) => cell.textContent);
  assert.deepEqual(captions, ["<b>query</b>", "✓ right", "✗ wrong"]);
  const images = [...document.querySelectorAll("img")];
  assert.deepEqual(
    images.map((image) => [image.width, image.height]),
    [
      [60, 30],
      [20, 60],
      [60, 30],
    ],
  );
  const means = await Promise.all(
    images.map(async ({ src }) => {
      const { channels } = await sharp(Buffer.from(src.split(",")[1]!, "base64")).stats();
      return channels.map(({ mean }) => Math.round(mean / 10) * 10);
    }),
  );
  assert.deepEqual(means, [
    [200, 0, 0],
    [0, 0, 250],
    [0, 200, 0],
  ]);
});

test("a long file name in a caption may break, where a reader drops styles", async () => {
  const document = await gridDocument([{ image: plain(0, 0, 0), caption: "bread; train_images+bread.jpg" }]);
  assert.match(document.querySelector("td")!.innerHTML, /bread; train_<wbr>images\+<wbr>bread\.jpg$/);
});

test("a file that is not an image is refused with its path, and so is an empty grid", async () => {
  await assert.rejects(imageGrid([{ image: __filename }]), {
    name: "UserError",
    message: /images\.test\.js: not an image/,
  });
  await assert.rejects(imageGrid([]), { name: "UserError" });
});
