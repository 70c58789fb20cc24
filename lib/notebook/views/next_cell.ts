// Detection that the next queued cell watches the same run: kernel and views share a symbol.
/** Set by scripts/kernel/queue.js: a function that returns the code of the running cell and of the next one. */
const CELLS = Symbol.for("guie.cells");

type Cells = () => { running: string | undefined; next: string | undefined };

/** A cell with only `const view = await guie.watchRun("NAME");`. */
const WATCH_ALONE =
  /^(?:(?:const|let|var)\s+\w+\s*=\s*)?await\s+(?:\w+\.)?watchRun\(\s*["'`]([\w./-]+)["'`]\s*\);?$/;

/**
 * Returns whether the next cell watches the same run: it is the same cell again, or only watches that run. (The tab of
 * this cell was closed, or its reader wants it from the start.)
 */
export function isWatchedNext(runName: string): boolean {
  const cells = (globalThis as { [CELLS]?: Cells })[CELLS]?.();
  if (cells?.running === undefined || cells.next === undefined) return false;
  const [, name] = WATCH_ALONE.exec(cells.next.trim()) ?? [];
  return cells.next === cells.running || name?.split("/").at(-1) === runName;
}
