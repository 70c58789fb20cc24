// The rows of a service are replaced while searches are under way.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { IndexState } from "guie/dist/serving/index_state";
import { LiveIndex } from "guie/dist/serving/live_index";

test("rows are freed when they are replaced and the last search over them has ended", async () => {
  const freed: string[] = [];
  const rows = (name: string) => ({ searcher: { dispose: () => freed.push(name) } }) as unknown as IndexState;
  const [first, second] = [rows("first"), rows("second")];
  const index = new LiveIndex();
  assert.equal(await index.use(async (state) => state), undefined);
  index.replace(first);
  let end = () => {};
  const search = index.use((state) => new Promise<typeof state>((resolve) => (end = () => resolve(state))));
  index.replace(second);
  assert.equal(index.state, second);
  assert.deepEqual(freed, [], "a search is under way");
  end();
  assert.equal(await search, first);
  assert.deepEqual(freed, ["first"]);
  assert.equal(await index.use(async (state) => state), second);
  index.replace(undefined);
  assert.deepEqual(freed, ["first", "second"]);
});
