// Buffers of TensorFlow's, and what they hold.
import koffi from "koffi";
import { cApi, type Pointer } from "./c_api";
import { countHandle } from "./handles";

/** A new `TF_Buffer`, empty or with these bytes. `deleteBuffer` frees it. */
export function newBuffer(bytes?: Uint8Array): Pointer {
  countHandle("buffer", 1);
  return bytes ? cApi().TF_NewBufferFromString(bytes, bytes.length) : cApi().TF_NewBuffer();
}

/** Frees a buffer. */
export function deleteBuffer(buffer: Pointer): void {
  countHandle("buffer", -1);
  cApi().TF_DeleteBuffer(buffer);
}

/** Copies what is in a `TF_Buffer { const void* data; size_t length; ... }`. */
export function bytesOf(buffer: Pointer): Uint8Array {
  const length = Number(koffi.decode(buffer, 8, "size_t"));
  if (length === 0) return new Uint8Array(0);
  return new Uint8Array(koffi.view(koffi.decode(buffer, "void *"), length).slice(0));
}

/** The bytes that `fill` puts into a fresh buffer. */
export function withBuffer(fill: (buffer: Pointer) => void): Uint8Array {
  const buffer = newBuffer();
  try {
    fill(buffer);
    return bytesOf(buffer);
  } finally {
    deleteBuffer(buffer);
  }
}

/** The bytes of a buffer that TensorFlow gave away, which is freed. */
export function takeBuffer(buffer: Pointer): Uint8Array {
  const bytes = bytesOf(buffer);
  cApi().TF_DeleteBuffer(buffer);
  return bytes;
}
