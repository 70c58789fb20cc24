// Sends outputs to the cell: MIME bundles, live displays.
import { randomBytes } from "node:crypto";

/** One output in several forms: MIME type -> text, base64 of binary data, or JSON. The reader picks the best. */
export type MimeBundle = Record<string, unknown>;

/** One output that is shown and then replaced in place. */
export interface LiveDisplay {
  update(bundle: MimeBundle): void;
}

/** What tslab sends to Jupyter: a message of `display_data`, or of `update_display_data`. */
type WriteDisplayData = (
  content: { data: MimeBundle; metadata: object; transient: object },
  isUpdate: boolean,
) => void;

/** Whether this process is the kernel of a notebook that has begun to run a cell. */
export function inNotebook(): boolean {
  return writer() !== undefined;
}

/** Shows a bundle as an output of the running cell; outside a notebook prints its text/plain form. */
export function display(bundle: MimeBundle): void {
  newLiveDisplay().update(bundle);
}

/** A place in the running cell's output. Outside a notebook every update prints its text/plain form. */
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

/** tslab's writer for the running cell. tslab is never loaded from here: it brings a whole compiler along. */
function writer(): WriteDisplayData | undefined {
  const jupyter = require.cache[require.resolve("tslab/dist/jupyter")];
  return jupyter?.exports.lastWriteDisplayData ?? undefined;
}
