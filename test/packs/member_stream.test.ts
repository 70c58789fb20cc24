// Images of a pack in sequence: right bytes in any order, from any start, in pieces over tars.
import assert from "node:assert/strict";
import { rmSync, truncateSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { MemberStream } from "guie/dist/packs/member_stream";
import { openPack } from "guie/dist/packs/open_pack";
import { packImages } from "guie/dist/packs/pack";
import { tarPath } from "guie/dist/packs/pack_folder";
import { FOLDS_CSV } from "guie/dist/tables/layout";
import { throughBuffer } from "guie/dist/training/data/tar_order";
import { temporaryFolder } from "../folders";
import { fakeJpeg, makeImages } from "./table";

const IMAGES = 60;
/** Bytes of an image: 60 of 0.3 MB fill four pieces of 4 MB and more; one is longer than a piece. */
const lengthOf = (number: number) => (number === 13 ? 5_000_000 : 300_000 + number);

async function opened(t: TestContext, imagesPerTar = 25) {
  const dataDir = temporaryFolder(t);
  const files = await makeImages(dataDir, IMAGES, lengthOf);
  const { folder } = await packImages({ dataDir, imagesPerTar });
  const place = { dataDir, csv: FOLDS_CSV };
  const { pack, images } = await openPack(place, files);
  return { place, folder, files, pack, images };
}

/** Returns the numbers of the images that a stream gives, after checking all their bytes. */
async function numbersOf(taken: readonly Promise<Uint8Array>[]): Promise<number[]> {
  return Promise.all(
    taken.map(async (promise) => {
      const bytes = Buffer.from(await promise);
      const number = bytes.readUInt32LE(4);
      assert.ok(bytes.equals(fakeJpeg(number, lengthOf(number))), `image ${number}`);
      return number;
    }),
  );
}

test("a shuffled stream gives each image's bytes in its order, from its start and from any place", async (t) => {
  const { pack, images } = await opened(t);
  const reading = [...images.keys()].sort((a, b) => images[a]! - images[b]!);
  const held = 8;
  const order = throughBuffer(randomStream(1, "test"), IMAGES, held);
  const plan = { images: Int32Array.from(reading, (file) => images[file]!), order, held };
  const expected = Array.from(order, (place) => reading[place]!);
  for (const start of [0, 1, 37, 59]) {
    const stream = new MemberStream(pack, plan, start);
    const seen: number[] = [];
    for (let place = start; place < IMAGES; place += 7) {
      assert.equal(stream.next, place);
      seen.push(...(await numbersOf(stream.take(Math.min(7, IMAGES - place)))));
    }
    assert.deepEqual(seen, expected.slice(start), `from ${start}`);
  }
});

test("an image that comes twice is given twice; images between that nobody wants are left out", async (t) => {
  const { pack, images } = await opened(t);
  const wanted = [...images.keys()].sort((a, b) => images[a]! - images[b]!).filter((_, i) => i % 3 === 0);
  const twice = wanted.flatMap((file) => [file, file]);
  const plan = {
    images: Int32Array.from(twice, (file) => images[file]!),
    order: Int32Array.from(twice.keys()),
    held: 1,
  };
  assert.deepEqual(await numbersOf(new MemberStream(pack, plan, 0).take(twice.length)), twice);
});

test("a pack that is missing, unfinished, of another table or cut off is refused, with what makes it", async (t) => {
  const { place, folder, files, pack, images } = await opened(t);
  await assert.rejects(
    openPack({ ...place, csv: "other.csv" }, files),
    /Expected a pack of other\.csv at .*packed/,
  );
  await assert.rejects(openPack(place, [...files, "new.jpg"]), /lacks 1 of 61 rows .* the first is new\.jpg/);
  const plan = { images: images.toSorted(), order: Int32Array.from(images.keys()), held: 1 };
  truncateSync(tarPath(folder, 2), 1_000_000);
  const taken = await Promise.allSettled(new MemberStream(pack, plan, 0).take(IMAGES));
  const failed = taken.filter((one) => one.status === "rejected");
  assert.equal(failed.length, 10, "the images of the last tar");
  assert.match(String(failed[0]!.reason), /00002\.tar ends at byte 1000000; its index names bytes up to/);
  rmSync(tarPath(folder, 1));
  await assert.rejects(
    openPack(place, files),
    /not finished: 1 of 3 tars are missing, the first is .*00001\.tar/,
  );
});
