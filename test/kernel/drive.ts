// Runs cells in a kernel, for tests.
import { spawnSync } from "node:child_process";
import { installPath } from "guie/dist/common/project";

/** A message of a page. A `comm_id` that is a number stands for that comm, in the order in which cells opened them. */
export interface PageMessage {
  type: "comm_open" | "comm_msg" | "comm_close" | "comm_info_request";
  content: object;
  /** Base64. */
  buffers?: string[];
}

/** A cell to run. */
export interface Cell {
  code?: string;
  /** Interrupt is pressed once the cell has printed this. */
  interruptAt?: string;
  /** Code that is sent just before, without waiting for its end. */
  sentAfter?: string;
  /** Waiting cells run even if this one, or `sentAfter`, fails. */
  goOn?: boolean;
  /** Answer to the cell's question. */
  answer?: string;
  /** Instead of running the code, presses Tab (`complete`) or Shift-Tab (`inspect`) at its end. */
  ask?: "complete" | "inspect";
  /** JupyterLab's id of the cell. */
  cellId?: string;
  /** Runs the cell as a page does, which can move widgets. */
  takesInput?: boolean;
  /** Instead of running code, sends this. */
  send?: PageMessage;
  /** Sends this once the cell has printed `text`. */
  sendAt?: PageMessage & { text: string };
}

/** A message that the kernel has published. */
interface Published {
  type: string;
  content: Record<string, unknown>;
  /** Id of the request that it answers. */
  parent: string;
  metadata: Record<string, unknown>;
  buffers: string[];
}

/** Result of a cell. */
export interface Outcome {
  status: string;
  messages: Published[];
  /** All messages that came meanwhile, also those that answer earlier requests. */
  published: Published[];
  /** Id of the cell's request. */
  request: string;
  /** Content of the reply, also to `ask`. */
  reply?: Record<string, unknown>;
  /** Everything printed, joined. */
  text: string;
  /** Value of the last line as text; undefined if it shows nothing. */
  result: string | undefined;
  /** Error as a notebook shows it, or "". */
  error: string;
}

/** Runs cells one after another in a TypeScript kernel that starts in `folder`. */
export function runCells(folder: string, cells: (string | Cell)[]): Outcome[] {
  const task = {
    cwd: folder,
    cells: cells.map((cell) => (typeof cell === "string" ? { code: cell } : cell)),
  };
  const { stdout, stderr, status } = spawnSync(
    installPath(".venv", "bin", "python"),
    [installPath("test", "kernel", "drive.py")],
    { input: JSON.stringify(task), encoding: "utf8", maxBuffer: 1e9 },
  );
  if (status !== 0) throw new Error(`drive.py ended with ${status}:\n${stderr}`);
  return (JSON.parse(stdout) as Outcome[]).map((outcome) => ({
    ...outcome,
    text: contents(outcome, "stream")
      .map((content) => content.text)
      .join(""),
    result: contents(outcome, "execute_result")
      .map((content) => (content.data as Record<string, string>)["text/plain"])
      .at(-1),
    error: contents(outcome, "error")
      .map((content) => (content.traceback as string[]).join("\n"))
      .join("\n"),
  }));
}

/** Returns the contents of the messages of one type. */
export function contents(outcome: Outcome, type: string): Record<string, unknown>[] {
  return outcome.messages.filter((message) => message.type === type).map((message) => message.content);
}
