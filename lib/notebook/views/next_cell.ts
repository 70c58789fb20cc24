// Tells whether the next cell in line watches the same run: kernel and views share a symbol.
/** Set by scripts/kernel/queue.js: the code of the cell that runs, and of the next in line. */
const CELLS = Symbol.for("guie.cells");

type Cells = () => { running: string | undefined; next: string | undefined };

/** `const view = await guie.watchRun("NAME");` and nothing else. */
const WATCH_ALONE =
  /^(?:(?:const|let|var)\s+\w+\s*=\s*)?await\s+(?:\w+\.)?watchRun\(\s*["'`]([\w./-]+)["'`]\s*\);?$/;

/**
 * Whether the next cell in line watches the run that this one watches: it is the same cell once more, or does nothing
 * but watch that run. The tab of this one was closed, or its reader wants it from the start.
 */
export function isWatchedNext(runName: string): boolean {
  const cells = (globalThis as { [CELLS]?: Cells })[CELLS]?.();
  if (cells?.running === undefined || cells.next === undefined) return false;
  const [, name] = WATCH_ALONE.exec(cells.next.trim()) ?? [];
  return cells.next === cells.running || name?.split("/").at(-1) === runName;
}
