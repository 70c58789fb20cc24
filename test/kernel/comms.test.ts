// Comms of the kernel: what a page and a cell say to each other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryFolder } from "../folders";
import { type Cell, contents, type Outcome, runCells } from "./drive";

/** A cell that opens a comm; `x` is what the handler does. */
const opening = (x: string, more: Partial<Cell> = {}): Cell => ({
  code: `var comms = globalThis[Symbol.for("guie.comms")];
var got: any[] = [];
var comm = comms.open({ target: "t", data: { a: 1 }, metadata: { version: "2.1.0" }, buffers: [Buffer.from("bytes")],
  onMessage: (data, buffers) => { ${x} }, onClose: () => { got.push("closed"); } });`,
  cellId: "one",
  takesInput: true,
  ...more,
});
const message = (data: object, buffers: string[] = []): Cell => ({
  send: { type: "comm_msg", content: { comm_id: 0, data }, buffers },
});
const states = ({ messages, request }: Outcome) =>
  messages
    .filter(({ type, parent }) => type === "status" && parent === request)
    .map(({ content }) => content.execution_state);

test("a cell opens a comm, a page's message reaches it with its buffers, and the answer belongs to that message", (t) => {
  const [opened, sent, read] = runCells(temporaryFolder(t), [
    opening(`got.push(data, buffers.map(String)); comm.send({ pong: data.ping }, [Buffer.from([1, 2])]);`),
    message({ ping: 5 }, [Buffer.from("page").toString("base64")]),
    "JSON.stringify(got)",
  ]) as [Outcome, Outcome, Outcome];
  const { content, metadata, buffers } = opened.messages.find(({ type }) => type === "comm_open")!;
  assert.deepEqual([content.target_name, content.data, metadata], ["t", { a: 1 }, { version: "2.1.0" }]);
  assert.deepEqual(buffers, [Buffer.from("bytes").toString("base64")]);
  assert.deepEqual(states(sent), ["busy", "idle"]);
  const answer = sent.messages.find(({ type }) => type === "comm_msg")!;
  assert.deepEqual(
    [answer.content.data, answer.buffers, answer.parent],
    [{ pong: 5 }, ["AQI="], sent.request],
  );
  assert.equal(read.result, '[{"ping":5},["page"]]');
});

test("a handler runs while a cell awaits; it prints and shows in the cell that opened the comm", (t) => {
  const [, opened, waiting] = runCells(temporaryFolder(t), [
    "let resume: () => void; const moved = new Promise<void>((done) => { resume = done; });",
    opening(`console.log("moved to", data.value); require("tslab").display.html("<b>shown</b>"); resume();`),
    {
      code: `console.log("waits"); await moved; console.log("goes on");`,
      sendAt: { text: "waits", type: "comm_msg", content: { comm_id: 0, data: { value: 3 } } },
    },
  ]) as [Outcome, Outcome, Outcome];
  const placeOf = (words: string) =>
    waiting.published.find(({ content }) => JSON.stringify(content).includes(words))?.parent;
  assert.equal(waiting.status, "ok");
  assert.equal(placeOf("goes on"), waiting.request);
  assert.deepEqual(states(waiting), ["busy", "busy", "idle"], "busy again after the message of the page");
  assert.deepEqual([placeOf("moved to 3"), placeOf("<b>shown")], [opened.request, opened.request]);
});

test("an error in a handler, thrown or of a promise, is an error in the output of the cell that opened the comm", (t) => {
  const [opened, ...later] = runCells(temporaryFolder(t), [
    opening(`if (data.later) return Promise.reject(new Error("later")); throw new Error("at once");`),
    message({}),
    message({ later: true }),
    "1",
  ]);
  const all = later.flatMap(({ published }) => published).filter(({ type }) => type === "error");
  assert.deepEqual(
    all.map(({ content, parent }) => [content.evalue, parent === opened!.request]),
    [
      ["at once", true],
      ["later", true],
    ],
  );
});

test("comms are listed, closed by a page or when their cell runs again; other cells keep theirs", (t) => {
  const info = (target?: string): Cell => ({
    send: { type: "comm_info_request", content: target ? { target_name: target } : {} },
  });
  const outcomes = runCells(temporaryFolder(t), [
    opening(""),
    { ...opening(""), cellId: "two" },
    { code: "JSON.stringify(got)", cellId: "three" },
    opening(""),
    { send: { type: "comm_close", content: { comm_id: 1, data: {} } } },
    "JSON.stringify(got)",
    info(),
  ]);
  const closed = outcomes.map(
    ({ published }) => published.filter(({ type }) => type === "comm_close").length,
  );

  assert.deepEqual(closed, [0, 0, 0, 1, 0, 0, 0]);
  const first = contents(outcomes[0]!, "comm_open")[0]!.comm_id;
  assert.equal(contents(outcomes[3]!, "comm_close")[0]!.comm_id, first);
});

test("a page's comm of a known target is answered, one of an unknown target is closed", (t) => {
  const listen = `globalThis[Symbol.for("guie.comms")].listen("mine", (page) => ({ onMessage: (data) => page.send({ echo: data }) }));`;
  const [, mine, echoed, unknown] = runCells(temporaryFolder(t), [
    listen,
    { send: { type: "comm_open", content: { comm_id: "p", target_name: "mine", data: {} } } },
    { send: { type: "comm_msg", content: { comm_id: "p", data: { x: 1 } } } },
    { send: { type: "comm_open", content: { comm_id: "q", target_name: "other", data: {} } } },
  ]) as [Outcome, Outcome, Outcome, Outcome];
  assert.deepEqual(contents(mine, "comm_close"), []);
  assert.deepEqual(contents(echoed, "comm_msg"), [{ comm_id: "p", data: { echo: { x: 1 } } }]);
  assert.deepEqual(contents(unknown, "comm_close"), [{ comm_id: "q", data: {} }]);
});
