// Creates, reads and frees TensorFlow's buffers.
import koffi from "koffi";
import { cApi, type Pointer } from "./c_api";
import { countHandle } from "./handles";

/** Creates a `TF_Buffer`, empty or with these bytes. `deleteBuffer` frees it. */
export function newBuffer(bytes?: Uint8Array): Pointer {
  countHandle("buffer", 1);
  return bytes ? cApi().TF_NewBufferFromString(bytes, bytes.length) : cApi().TF_NewBuffer();
}

/** Frees a buffer. */
export function deleteBuffer(buffer: Pointer): void {
  countHandle("buffer", -1);
  cApi().TF_DeleteBuffer(buffer);
}

/** Copies the contents of a `TF_Buffer { const void* data; size_t length; ... }`. */
export function bytesOf(buffer: Pointer): Uint8Array {
  const length = Number(koffi.decode(buffer, 8, "size_t"));
  if (length === 0) return new Uint8Array(0);
  return new Uint8Array(koffi.view(koffi.decode(buffer, "void *"), length).slice(0));
}

/** Returns the bytes that `fill` puts into a new buffer. */
export function withBuffer(fill: (buffer: Pointer) => void): Uint8Array {
  const buffer = newBuffer();
  try {
    fill(buffer);
    return bytesOf(buffer);
  } finally {
    deleteBuffer(buffer);
  }
}

/** Returns the bytes of a buffer that TensorFlow handed over, and frees it. */
export function takeBuffer(buffer: Pointer): Uint8Array {
  const bytes = bytesOf(buffer);
  cApi().TF_DeleteBuffer(buffer);
  return bytes;
}
