// Widgets: models, controls, own widgets and their pictures; the page is a list of messages.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { UserError } from "guie/dist/common/errors";
import { column, row } from "guie/dist/notebook/widgets/boxes";
import { packState, unpackState } from "guie/dist/notebook/widgets/buffers";
import { button, checkbox, dropdown, slider, text } from "guie/dist/notebook/widgets/controls";
import { latest } from "guie/dist/notebook/widgets/latest";
import { widget } from "guie/dist/notebook/widgets/own";
import { commOf, forgetComms, moveInPage, opened, openInPage, sendInPage } from "./fake_comms";

beforeEach(() => forgetComms());

test("a slider's page moves it: its value and handlers follow, other tabs get an echo, code moves the page", async () => {
  const margin = slider(0, 0.8, { step: 0.05, value: 0.4, label: "margin" });
  assert.equal(opened.length, 3, "layout, style, slider");
  const comm = commOf("FloatSliderModel");
  const { state } = comm.data as { state: Record<string, unknown> };
  assert.deepEqual(
    [state.value, state.min, state.max, state.step, state.description],
    [0.4, 0, 0.8, 0.05, "margin"],
  );
  assert.deepEqual([state.layout, state.style], ["IPY_MODEL_comm0", "IPY_MODEL_comm1"]);
  const seen: number[] = [];
  const end = margin.onChange((value) => seen.push(value));
  await moveInPage(comm, { value: 0.55000000000000004 });
  assert.deepEqual([margin.value, seen], [0.55, [0.55]]);
  assert.deepEqual(
    comm.sent.map(({ data }) => data.method),
    ["echo_update"],
  );
  margin.value = 0.7;
  margin.value = 0.7;
  assert.deepEqual(
    comm.sent.slice(1).map(({ data }) => data),
    [{ method: "update", state: { value: 0.7 }, buffer_paths: [] }],
  );
  end();
  await moveInPage(comm, { value: 0.1 });
  assert.deepEqual(seen, [0.55, 0.7]);
});

test("a slider in factors keeps the value of the code when the page rounds it to a step, and tidies what was dragged", async () => {
  const rate = slider(1e-5, 1e-1, { log: true, value: 5e-4 });
  await moveInPage(commOf("FloatLogSliderModel"), { value: 0.000501187 });
  assert.equal(rate.value, 5e-4);
  await moveInPage(commOf("FloatLogSliderModel"), { value: 0.000794328 });
  assert.equal(rate.value, 0.00079);
});

test("sliders, lists and uploads refuse what does not fit", () => {
  assert.throws(() => slider(1, 1), /A slider needs a smaller and a larger number; it got 1 and 1/);
  assert.throws(() => slider(0, 1, { log: true }), /above 0; it got 0 and 1/);
  assert.throws(() => slider(0, 1, { step: 0 }), /step is above 0; it got 0/);
  assert.throws(() => slider(0, 0.8, { value: 1 }), /goes from 0 to 0.8; 1 is not between/);
  assert.throws(() => dropdown([]), /its list is empty/);
  assert.throws(() => dropdown(["a"], { value: "b" as "a" }), /"b" is not in the list a/);
});

test("a handler slower than the mouse gets the first value and then the last one; an error does not stop the next", async () => {
  const [seen, reported]: [number[], unknown[]] = [[], []];
  let goOn = () => {};
  const call = latest(
    async (value: number) => {
      seen.push(value);
      await new Promise<void>((done) => {
        goOn = done;
      });
      if (value === 1) throw new Error("one");
    },
    (error) => reported.push((error as Error | undefined)?.message),
  );
  const done = [1, 2, 3, 4].map(call);
  goOn();
  await new Promise(setImmediate);
  goOn();
  await Promise.all(done);
  assert.deepEqual(
    [seen, reported],
    [
      [1, 4],
      ["one", undefined],
    ],
  );
  const again = latest(
    () => assert.fail("at once"),
    (error) => reported.push((error as Error).message),
  );
  await again(1);
  await again(2);
  assert.deepEqual(reported.slice(2), ["at once", "at once"]);
});

test("errors of handlers go to the lines of what shows the widget, and are taken away by the next success", async () => {
  const go = button("Go");
  let fails = true;
  go.onClick(() => {
    if (fails) throw new UserError("It fails.");
  });
  const lines: string[] = [];
  go.errorLines.add((words) => lines.push(words));
  await sendInPage(commOf("ButtonModel"), { event: "click" });
  fails = false;
  await sendInPage(commOf("ButtonModel"), { event: "click" });
  await sendInPage(commOf("ButtonModel"), { event: "click" });
  assert.deepEqual(lines, ["It fails.", ""]);
});

test("a page that is loaded again gets all open models with their state of now, binary values beside", async () => {
  const points = widget({ esm: "", state: { points: new Float32Array([1, 2]), picked: [] as number[] } });
  await moveInPage(commOf("AnyModel"), { picked: [7] });
  assert.deepEqual(points.state.picked, [7]);
  const page = openInPage("jupyter.widget.control");
  await page.onMessage!({ method: "request_states" }, []);
  const [{ data, buffers }] = page.sent as [(typeof page.sent)[number]];
  const { id } = commOf("AnyModel");
  const states = data.states as Record<string, { model_name: string; state: Record<string, unknown> }>;
  assert.deepEqual(
    Object.keys(states),
    opened.map((comm) => comm.id),
  );
  assert.deepEqual([states[id]!.model_name, states[id]!.state.picked], ["AnyModel", [7]]);
  assert.deepEqual(data.buffer_paths, [[id, "state", "points"]]);
  assert.deepEqual(new Float32Array(Uint8Array.from(buffers[0]!).buffer), new Float32Array([1, 2]));
  opened.at(-1)!.onClose!();
  await page.onMessage!({ method: "request_states" }, []);
  assert.ok(!Object.keys(page.sent[1]!.data.states as object).includes(id), "a closed model is gone");
});

test("binary values inside of a state travel beside it, and come back", () => {
  const state = { rows: [{ bytes: new Uint8Array([1, 2]) }, 5], text: "a" };
  const packed = packState(state);
  assert.deepEqual(packed.state, { rows: [{ bytes: null }, 5], text: "a" });
  assert.deepEqual(packed.buffer_paths, [["rows", 0, "bytes"]]);
  assert.deepEqual(unpackState(packed.state, packed.buffer_paths, packed.buffers), state);
});

test("a widget's picture has its values as text, escaped; without a reader who can move it nothing is opened", () => {
  const all = () =>
    column(
      row(slider(0, 0.8, { value: 0.4, label: "margin" }), checkbox({ label: "<b>", value: true })),
      dropdown([28, 56], { label: "size", value: 56 }),
      text({ label: "name", value: "<i>" }),
      button("Go"),
    ).still();
  const expected = "margin: 0.4 (0 to 0.8)  [x] <b>\nsize: 56\nname: <i>\n[Go]";
  assert.equal(all().text, expected);
  assert.doesNotMatch(all().html, /<b>|<i>/);
  assert.match(all().html, /&lt;b&gt;.*size: 56.*&lt;i&gt;/s);
  forgetComms(false);
  assert.equal(all().text, expected);
  assert.equal(opened.length, 0);
});
