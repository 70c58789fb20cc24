// Reads the variables of a MATLAB level 5 file.
import { readFileSync } from "node:fs";
import { messageOf, UserError } from "../../common/errors";
import { requireFile } from "../../common/files/files";
import { type MatlabArray, readContent, readHead } from "./arrays";
import { atEnd, type Cursor, cursorInside, nextElement, TYPE } from "./elements";

const HEADER_BYTES = 128;
const VERSION_5 = 0x0100;
const VERSION_7_3 = 0x0200;

/**
 * Reads variables of a MATLAB level 5 file, compressed (`save -v7`, MATLAB's default) or not (`save -v6`): numbers,
 * text, cells and structs, as scipy.io.loadmat and MATLAB's `load` do. Other variables are skipped.
 * @param names the variables to read
 * @returns those that the file has
 * @throws UserError for a file that is missing, damaged, of another version, or holds an unsupported kind of array
 */
export function readMatlabFile<Name extends string>(
  path: string,
  names: readonly Name[],
  next?: string,
): Partial<Record<Name, MatlabArray>> {
  requireFile(path, "a MATLAB file", next);
  const found: Partial<Record<Name, MatlabArray>> = {};
  try {
    const cursor = openMatlab(readFileSync(path));
    while (!atEnd(cursor)) {
      const element = nextElement(cursor);
      if (element.type !== TYPE.matrix)
        throw new Error(`expected a variable, found an element of type ${element.type}`);
      const content = cursorInside(element);
      const head = readHead(content);
      const name = names.find((wanted) => wanted === head.name);
      if (name) found[name] = readContent(content, head);
    }
  } catch (error) {
    throw new UserError(`${path} cannot be read as a MATLAB file: ${messageOf(error)}.`, next, {
      cause: error,
    });
  }
  return found;
}

function openMatlab(bytes: Buffer): Cursor {
  const mark = bytes.toString("latin1", HEADER_BYTES - 2, HEADER_BYTES);
  if (bytes.length < HEADER_BYTES || (mark !== "IM" && mark !== "MI")) {
    throw new Error(
      "it does not begin like a level 5 file (if it is older, `load` and `save` it again in MATLAB)",
    );
  }
  const littleEndian = mark === "IM";
  const version = littleEndian ? bytes.readUInt16LE(124) : bytes.readUInt16BE(124);
  if (version === VERSION_7_3) throw new Error("it was saved with -v7.3 (HDF5): save it with -v7");
  if (version !== VERSION_5) throw new Error(`expected version ${VERSION_5}, found ${version}`);
  return { bytes, offset: HEADER_BYTES, littleEndian };
}
