// The kernel's comms: channels between code and page. scripts/kernel/comms.js is their other side.

const COMMS = Symbol.for("guie.comms");

/** One end of a comm. */
export interface Comm {
  readonly id: string;
  send(data: object, buffers?: readonly Uint8Array[]): void;
  close(): void;
}

/** What a comm calls. Errors, also of promises, are shown in the output of the cell that opened it. */
export interface CommHandlers {
  onMessage?(data: unknown, buffers: readonly Uint8Array[]): unknown;
  /** Called if either side closes it: its cell runs again, the kernel ends. */
  onClose?(): unknown;
}

/** A comm to open. */
export interface CommOptions extends CommHandlers {
  target: string;
  data: object;
  metadata?: object;
  buffers?: readonly Uint8Array[];
}

/** What the kernel offers. */
export interface KernelComms {
  /** Opens a comm of the running cell, or of the cell whose handler calls this. */
  open(options: CommOptions): Comm;
  /** Answers comms that a page opens to `target`. */
  listen(target: string, accept: (comm: Comm) => CommHandlers): void;
  /** Returns whether somebody can move a control of the running cell: false in headless runs. */
  takesInput(): boolean;
  /** Returns an error's lines as a cell shows them. */
  describe(error: unknown): string;
}

/** Returns the kernel's comms; undefined outside a notebook. */
export function kernelComms(): KernelComms | undefined {
  return (globalThis as { [COMMS]?: KernelComms })[COMMS];
}
