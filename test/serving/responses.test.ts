// Tests that refusals of every layer have one form: a status, JSON, and the project's own words.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { serve } from "guie/dist/serving/serve";
import { FORM_TYPE, makeTinyRun, startService } from "./tiny_service";

/** Sends bytes; returns the answer's status, head and body. */
async function exchange(url: string, bytes: string) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let text = "";
  socket.on("data", (data) => (text += data.toString("latin1")));
  socket.on("error", () => {});
  socket.write(bytes);
  await once(socket, "close");
  const [head, body] = text.split("\r\n\r\n") as [string, string];
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]), head: head.toLowerCase(), body };
}

const HOST = "Host: localhost\r\nConnection: close\r\n";
const get = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;
const posted = (type: string, body: string, more = "") =>
  `POST /embed HTTP/1.1\r\n${HOST}Content-Type: ${type}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const part = (head: string) => posted(FORM_TYPE, `------tiny\r\n${head}\r\n\r\nx\r\n------tiny--\r\n`);

test("refusals of every layer are JSON in our words, with the same headers", async (t) => {
  const { url } = await startService(t, await makeTinyRun(t), { maxBytes: 100_000 });
  const cases: [what: string, sent: string, status: number, reason: RegExp][] = [
    ["a lone %", get("/%"), 400, /^the address cannot be read: % must be followed/],
    ["a lone % in a row", get("/image/%zz"), 400, /^the address cannot be read/],
    ["400 digits", get(`/image/${"1".repeat(400)}`), 404, /^expected the number of a row$/],
    ["no such place", get("/nowhere"), 404, /^nothing is at this address/],
    ["JSON", posted("application/json", "{}"), 415, /^expected multipart\/form-data/],
    ["a type that is none", posted("x", "{}"), 415, /^expected multipart\/form-data/],
    ["no boundary", posted("multipart/form-data", "x"), 400, /names no boundary$/],
    [
      "a long boundary",
      posted(`multipart/form-data; boundary=${"b".repeat(5000)}`, "x"),
      400,
      /more than \d+ letters$/,
    ],
    [
      "no form inside",
      posted(FORM_TYPE, "no form"),
      400,
      /^the form is malformed or cut off|^the body holds no file/,
    ],
    ["a part's head", part("\0\0: :"), 400, /^the form is malformed|^the body holds no file/],
    [
      "a field",
      part('Content-Disposition: form-data; name="a"'),
      400,
      /^expected files only, got the field "a"$/,
    ],
    ["a large body", posted(FORM_TYPE, "x".repeat(100_001)), 413, /^more than 100000 bytes$/],
    ["no HTTP", "hello\r\n\r\n", 400, /^this is not a readable HTTP request/],
    [
      "two lengths",
      `POST /embed HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      400,
      /^this is not a readable HTTP/,
    ],
    [
      "a long head",
      `GET / HTTP/1.1\r\n${HOST}X: ${"x".repeat(40_000)}\r\n\r\n`,
      431,
      /^the head of the request is too long$/,
    ],
    ["no Host", "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", 403, /^this is not an address/],
    ["Expect", `GET /health HTTP/1.1\r\n${HOST}Expect: tea\r\n\r\n`, 417, /^the header Expect/],
    ["CONNECT", "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n", 405, /^this is not a proxy/],
    ["another method", `PROPFIND /embed HTTP/1.1\r\n${HOST}\r\n`, 404, /^nothing is at this address/],
  ];
  for (const [what, sent, status, reason] of cases) {
    const answer = await exchange(url, sent);
    assert.equal(answer.status, status, `${what}: ${answer.head}\n${answer.body}`);
    assert.match(answer.head, /content-type: application\/json; charset=utf-8/, what);
    assert.match(answer.head, /x-content-type-options: nosniff/, what);
    const body = JSON.parse(answer.body) as { error: string };
    assert.deepEqual(Object.keys(body), ["error"], what);
    assert.match(body.error, reason, what);
  }
  assert.equal((await fetch(`${url}/health`)).status, 200);
});

test("an invalid port is an error with a next step", async () => {
  for (const port of [99_999, -1, 1.5, Number.NaN])
    await assert.rejects(
      serve({ run: "any", port }),
      /Expected a port from 0 to 65535, got .*\n {2}Next: Choose a port/,
    );
});
