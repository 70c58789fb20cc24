// TensorFlow's status codes as errors.
import { cApi, type Pointer } from "./c_api";
import { countHandle } from "./handles";

/** `TF_Code`, in its order. */
const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** The name of one of TensorFlow's status codes. */
export type StatusCode = (typeof CODES)[number];

/** What TensorFlow refused to do: what was attempted, and its own message. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: StatusCode;

  /**
   * @param attempt what was attempted, naming the operation
   * @param message TensorFlow's own words
   */
  constructor(attempt: string, code: StatusCode, message: string) {
    super(`${attempt}: ${message} (${code})`);
    this.code = code;
  }
}

/**
 * Calls `action` with a fresh `TF_Status` and frees it.
 * @param attempt what is attempted, for the error message
 * @throws EngineError where the status is not OK afterwards
 */
export function withStatus<T>(attempt: string, action: (status: Pointer) => T): T {
  const status = newStatus();
  try {
    const result = action(status);
    checkStatus(status, attempt);
    return result;
  } finally {
    deleteStatus(status);
  }
}

/** A status for a call that ends later; `deleteStatus` frees it. */
export function newStatus(): Pointer {
  countHandle("status", 1);
  return cApi().TF_NewStatus();
}

/** Frees a status. */
export function deleteStatus(status: Pointer): void {
  countHandle("status", -1);
  cApi().TF_DeleteStatus(status);
}

/** @throws EngineError where the status is not OK */
export function checkStatus(status: Pointer, attempt: string): void {
  const code = cApi().TF_GetCode(status);
  if (code !== 0) throw new EngineError(attempt, CODES[code] ?? "UNKNOWN", cApi().TF_Message(status));
}
