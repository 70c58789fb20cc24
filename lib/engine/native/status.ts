// Turns TensorFlow's status codes into errors.
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

/** Error of a failed TensorFlow call: the attempt and TensorFlow's own message. */
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
 * Calls `action` with a new `TF_Status` and frees it.
 * @param attempt what the action does, for the error message
 * @throws EngineError if the status is not OK afterwards
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

/** Creates a status for a call that ends later; `deleteStatus` frees it. */
export function newStatus(): Pointer {
  countHandle("status", 1);
  return cApi().TF_NewStatus();
}

/** Frees a status. */
export function deleteStatus(status: Pointer): void {
  countHandle("status", -1);
  cApi().TF_DeleteStatus(status);
}

/** Checks a status. @throws EngineError if it is not OK */
export function checkStatus(status: Pointer, attempt: string): void {
  const code = cApi().TF_GetCode(status);
  if (code !== 0) throw new EngineError(attempt, CODES[code] ?? "UNKNOWN", cApi().TF_Message(status));
}
