// Names of own photos' JPEGs: the hash before the name, taken off again, and as SQL.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sqlText, withDatabase } from "guie/dist/common/database/database";
import {
  drawKey,
  withContent,
  withoutContent,
  withoutContentSql,
} from "guie/dist/preprocessing/content_names";
import { preprocessedImage } from "guie/dist/preprocessing/layout";

const SET = { name: "images", folder: "images" };

test("a hash before a name is taken off again, also in SQL; draws go by it alone", async () => {
  const plain = preprocessedImage("raw/images/tea's/images/1.png", SET);
  const named = withContent(plain, "3fa9c0ffee120000");
  assert.equal(named, "final_data_224/images/images/3fa9c0ffee12~-tea~27s+images+1.png~.jpg");
  // a photo that is called like a hash: its own name holds no mark
  const alike = preprocessedImage("raw/images/3fa9c0ffee12~-1.jpg", SET);
  for (const [path, without, key] of [
    [named, plain, "3fa9c0ffee12"],
    [plain, plain, plain],
    [alike, alike, alike],
  ] as const) {
    assert.equal(withoutContent(path), without);
    const text = sqlText(path);
    const row = await withDatabase((database) =>
      database.row(`SELECT ${withoutContentSql(text)} AS without, ${drawKey(text)} AS key`),
    );
    assert.deepEqual(row, { without, key });
  }
});
