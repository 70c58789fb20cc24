// Parameters of a notebook.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { params } from "guie/dist/notebook/output/params";

const DEFAULTS = { dataDir: "data/demo", seed: 999, fast: false, dataSets: [] as string[] };

afterEach(() => {
  delete process.env.GUIE_PARAMS;
});

/** Calls `action` with GUIE_PARAMS set and returns what it printed. */
function printed(overrides: string | undefined, action: () => void): string {
  if (overrides !== undefined) process.env.GUIE_PARAMS = overrides;
  const lines: string[] = [];
  const log = console.log;
  console.log = (line) => lines.push(line);
  try {
    action();
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}

test("GUIE_PARAMS overrides some defaults, and the table marks them", () => {
  const plain = printed(undefined, () => assert.deepEqual(params(DEFAULTS), DEFAULTS));
  assert.match(plain, /^parameter +value *\n-+ +-+ *\n/, "no column for marks without any");
  const table = printed(`{"seed": 1, "dataSets": ["rp2k"]}`, () =>
    assert.deepEqual(params(DEFAULTS), { ...DEFAULTS, seed: 1, dataSets: ["rp2k"] }),
  );
  assert.match(table, /seed +1 +set for this run \(default 999\)/);
  assert.match(table, /dataDir +"data\/demo" *$/m);
});

test("an unknown parameter, another type, and invalid JSON are refused", () => {
  const refused: [string, RegExp][] = [
    [`{"sed": 1}`, /names "sed", which is not a parameter.*\n.*did you mean "seed"\?/],
    [`{"seed": "1"}`, /"seed" must be a number like its default 999, it is "1" \(string\)/],
    [`{"dataSets": "rp2k"}`, /"dataSets" must be a list/],
    [`{"dataDir": null}`, /"dataDir" must be a string/],
    ["seed=1", /GUIE_PARAMS is not JSON/],
    ["[1]", /GUIE_PARAMS must be a JSON object/],
  ];
  for (const [overrides, message] of refused) {
    printed(overrides, () => assert.throws(() => params(DEFAULTS), { name: "UserError", message }));
  }
});

test("an unset parameter stays undefined; its type is checked where it is used", () => {
  const defaults = { preset: "demo", margin: undefined };
  const shown = printed(undefined, () => assert.deepEqual(params(defaults), defaults));
  assert.match(shown, /margin +not set/);
  const set = printed(`{"margin": 0.2}`, () =>
    assert.deepEqual(params(defaults), { preset: "demo", margin: 0.2 }),
  );
  assert.match(set, /margin +0\.2 +set for this run \(default not set\)/);
  printed(`{"margin": null}`, () => assert.deepEqual(params(defaults), defaults));
  printed(`{"margin": {}}`, () =>
    assert.throws(() => params(defaults), /"margin" must be a text, a number, a boolean or a list/),
  );
});
