// Jupyter's wire format: frames, signature, headers of answers.
// https://jupyter-client.readthedocs.io/en/latest/messaging.html
const { createHmac, randomUUID, timingSafeEqual } = require("node:crypto");

const DELIMITER = Buffer.from("<IDS|MSG>");
const PROTOCOL_VERSION = "5.3";

/** Session id of all messages that the kernel sends. */
const session = randomUUID();

function sign(key, parts) {
  const hash = createHmac("sha256", key);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Reads a message: { identity, header, metadata, content, buffers }; undefined if it is not signed with the key. */
function readMessage(key, frames) {
  const start = frames.findIndex((frame) => frame.equals(DELIMITER));
  if (start < 0) return undefined;
  const [signature, ...parts] = frames.slice(start + 1);
  const json = parts.slice(0, 4);
  const expected = Buffer.from(sign(key, json));
  if (key && (signature.length !== expected.length || !timingSafeEqual(signature, expected)))
    return undefined;
  const [header, , metadata, content] = json.map((part) => JSON.parse(part.toString()));
  return { identity: frames.slice(0, start), header, metadata, content, buffers: parts.slice(4) };
}

/** Writes a message that answers `parent`; without a parent, it answers no request. */
function writeMessage(key, { type, content, parent, identity = [], metadata = {}, buffers = [] }) {
  const header = {
    msg_id: randomUUID(),
    msg_type: type,
    session,
    version: PROTOCOL_VERSION,
    username: "kernel",
    date: new Date().toISOString(),
  };
  const parts = [header, parent?.header ?? {}, metadata, content].map((part) => JSON.stringify(part));
  return [...identity, DELIMITER, key ? sign(key, parts) : "", ...parts, ...buffers];
}

module.exports = { PROTOCOL_VERSION, readMessage, writeMessage };
