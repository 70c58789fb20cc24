// Sends outputs to the cell: MIME bundles, live displays.
import { randomBytes } from "node:crypto";

/** One output in several forms: MIME type -> text, base64 of binary data, or JSON. The front end picks the best. */
export type MimeBundle = Record<string, unknown>;

/** One output that is shown and then replaced in place. */
export interface LiveDisplay {
  update(bundle: MimeBundle): void;
}

/** tslab's function that sends Jupyter a `display_data` or `update_display_data` message. */
type WriteDisplayData = (
  content: { data: MimeBundle; metadata: object; transient: object },
  isUpdate: boolean,
) => void;

/** Returns true if this process is a notebook's kernel and has begun to run a cell. */
export function inNotebook(): boolean {
  return writer() !== undefined;
}

/** Shows a bundle as an output of the running cell; outside a notebook, prints its text/plain form. */
export function display(bundle: MimeBundle): void {
  newLiveDisplay().update(bundle);
}

/** Returns a replaceable output of the running cell. Outside a notebook, every update prints its text/plain form. */
export function newLiveDisplay(): LiveDisplay {
  const write = writer();
  if (!write) return { update: (bundle) => console.log(bundle["text/plain"]) };
  const transient = { display_id: randomBytes(8).toString("hex") };
  let shown = false;
  return {
    update(bundle) {
      write({ data: bundle, metadata: {}, transient }, shown);
      shown = true;
    },
  };
}

/** Returns tslab's writer for the running cell. Never loads tslab itself, which would load a whole compiler. */
function writer(): WriteDisplayData | undefined {
  const jupyter = require.cache[require.resolve("tslab/dist/jupyter")];
  return jupyter?.exports.lastWriteDisplayData ?? undefined;
}
