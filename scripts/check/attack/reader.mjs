// The process that reads damaged files: it may crash or hang; its parent notices.
import { createRequire } from "node:module";
import { KINDS } from "./kinds.mjs";

const require = createRequire(import.meta.url);
const { inWords } = require("guie/dist/common/files/errno");
const { UserError } = require("guie/dist/common/errors");

process.on("message", async ({ kind, folder }) => {
  try {
    process.send({ digest: await KINDS[kind].read(folder) });
  } catch (thrown) {
    const error = inWords(thrown);
    process.send({ inWords: error instanceof UserError, message: `${error?.name}: ${error?.message}` });
  }
});
