// Questions of a cell to its reader (lib/notebook/output/input.ts), over the channel that Jupyter has for them.
const { readMessage, writeMessage } = require("./messages");

const INPUT = Symbol.for("guie.input");

/** Takes the answer to the question that is open; undefined where none is. */
let take;

/** Hands answers on as they come. */
async function readAnswers({ stdin, connInfo: { key } }) {
  for await (const frames of stdin) {
    const answer = readMessage(key, frames);
    if (answer?.header.msg_type === "input_reply") take?.(answer.content.value);
  }
}

/** Lets a cell ask whoever sent it, if they allow that; returns what ends it. */
function openInput({ stdin, connInfo: { key } }, cell) {
  const ask = (prompt, password) => {
    const request = { type: "input_request", content: { prompt, password }, parent: cell };
    stdin.send(writeMessage(key, { ...request, identity: cell.identity }));
    return new Promise((resolve) => {
      take = resolve;
    });
  };
  globalThis[INPUT] = cell.content.allow_stdin ? ask : undefined;
  return () => {
    globalThis[INPUT] = undefined;
    take = undefined;
  };
}

module.exports = { openInput, readAnswers };
