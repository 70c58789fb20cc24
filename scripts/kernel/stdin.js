// Asks the reader questions of a cell (lib/notebook/output/input.ts) over Jupyter's stdin channel.
const { readMessage, writeMessage } = require("./messages");

const INPUT = Symbol.for("guie.input");

/** Receives the answer to the open question; undefined if there is none. */
let receiveAnswer;

/** Forwards answers as they come. */
async function readAnswers({ stdin, connInfo: { key } }) {
  for await (const frames of stdin) {
    const answer = readMessage(key, frames);
    if (answer?.header.msg_type === "input_reply") receiveAnswer?.(answer.content.value);
  }
}

/** Lets a cell ask its sender, if the sender allows it; returns a function that ends this. */
function openInput({ stdin, connInfo: { key } }, cell) {
  const ask = (prompt, password) => {
    const request = { type: "input_request", content: { prompt, password }, parent: cell };
    stdin.send(writeMessage(key, { ...request, identity: cell.identity }));
    return new Promise((resolve) => {
      receiveAnswer = resolve;
    });
  };
  globalThis[INPUT] = cell.content.allow_stdin ? ask : undefined;
  return () => {
    globalThis[INPUT] = undefined;
    receiveAnswer = undefined;
  };
}

module.exports = { openInput, readAnswers };
