// Recognises a file by its content, whatever its name: weights, or something that people mistake for weights.
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { UserError } from "../common/errors";

/** A format of weights; "json" is the index of several files. */
export type WeightFormat = "safetensors" | "pytorch" | "json";

/** Length of the inspected beginning: enough for the mark of a tar archive. */
const START_BYTES = 512;
const SAFETENSORS_MAX_HEADER = 100_000_000n;
const RESAVE =
  "Save its weights as safetensors or by PyTorch (torch.save(model.state_dict(), path)), or take such a file.";
const UNPACK = "Unpack it, and name the file of weights inside.";

type Sign = (bytes: Buffer) => boolean;

/** Makes a test for the bytes of a format, in hexadecimal. */
const mark =
  (hex: string, at = 0): Sign =>
  (bytes) =>
    bytes.toString("hex", at, at + hex.length / 2) === hex;
const text =
  (pattern: RegExp): Sign =>
  (bytes) =>
    pattern.test(bytes.toString("latin1"));

/** Files that are not weights: their beginning, their name, and what to do. */
const OTHERS: readonly { is: (start: string) => string; begins: Sign; next: string }[] = [
  {
    begins: text(/^version https:\/\/git-lfs\.github\.com\/spec\//),
    is: (start) => {
      const bytes = /^size (\d+)$/m.exec(start)?.[1];
      const size = bytes ? ` (${Number(bytes).toLocaleString("en")} bytes)` : "";
      return `a Git LFS pointer: the file itself${size} is not here`;
    },
    next: "Fetch it in its repository (git lfs pull), or download the file from the page of the model.",
  },
  {
    begins: text(/^(\u00ef\u00bb\u00bf)?\s*<(!doctype|html|head|\?xml|!--)/i),
    is: () => "a web page, not a file of weights",
    next: "Download the file itself, not the page that shows it; where one must log in, the page may ask for that.",
  },
  { begins: mark("1f8b"), is: () => "compressed (gzip)", next: UNPACK },
  { begins: mark("fd377a585a00"), is: () => "compressed (xz)", next: UNPACK },
  { begins: mark("28b52ffd"), is: () => "compressed (zstd)", next: UNPACK },
  { begins: text(/^BZh[1-9]/), is: () => "compressed (bzip2)", next: UNPACK },
  { begins: mark("377abcaf271c"), is: () => "a 7-Zip archive", next: UNPACK },
  { begins: text(/^Rar!/), is: () => "a RAR archive", next: UNPACK },
  { begins: mark("7573746172", 257), is: () => "a tar archive", next: UNPACK },
  { begins: mark("894844460d0a1a0a"), is: () => "an HDF5 file, as Keras writes them", next: RESAVE },
  { begins: text(/^GGUF/), is: () => "a GGUF file, as llama.cpp reads them", next: RESAVE },
  { begins: mark("934e554d5059"), is: () => "a NumPy array", next: RESAVE },
  {
    // its version, then a field of bytes
    begins: (bytes) => bytes[0] === 8 && bytes[1]! > 0 && bytes[1]! < 20 && (bytes[2]! & 7) === 2,
    is: () => "an ONNX file, a program with its weights",
    next: "Take the file of weights that it was made from.",
  },
];

/**
 * Returns the format of a file of weights, by its content; undefined if it is not recognised.
 * @throws UserError if there is no such file, or it is something else that is recognised, which the message names
 */
export function weightFormat(path: string, next?: string): WeightFormat | undefined {
  if (!existsSync(path)) throw new UserError(`Expected a file of weights at ${path}: there is none.`, next);
  if (statSync(path).isDirectory())
    throw new UserError(`${path} is a folder, expected a file of weights.`, next);
  const bytes = readStart(path);
  const start = bytes.toString("latin1");
  if (isSafetensors(bytes)) return "safetensors";
  const other = OTHERS.find(({ begins }) => begins(bytes));
  if (other) throw new UserError(`${path} is ${other.is(start)}.`, other.next);
  if (start.startsWith("PK") || bytes[0] === 0x80) return "pytorch";
  return /^\s*\{/.test(start) ? "json" : undefined;
}

function readStart(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(START_BYTES);
    return bytes.subarray(0, readSync(file, bytes, 0, START_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

/** Tells whether the bytes are a header's length and its first brace. */
function isSafetensors(bytes: Buffer): boolean {
  return bytes.length > 8 && bytes[8] === 0x7b && bytes.readBigUInt64LE() <= SAFETENSORS_MAX_HEADER;
}
