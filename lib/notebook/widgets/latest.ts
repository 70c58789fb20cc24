// Handlers that are slower than the mouse.

/**
 * Returns a function that calls `handler` with a value. While a call is under way, further values wait, and only the last
 * one is kept. The promise resolves when nothing waits any more.
 * @param report called after each call, with its error or undefined
 */
export function latest<T>(
  handler: (value: T) => unknown,
  report: (error: unknown) => void,
): (value: T) => Promise<void> {
  let waiting: { value: T } | undefined;
  let running: Promise<void> | undefined;
  const runAll = async () => {
    while (waiting) {
      const { value } = waiting;
      waiting = undefined;
      try {
        await handler(value);
        report(undefined);
      } catch (error) {
        report(error);
      }
    }
  };
  return (value) => {
    waiting = { value };
    running ??= runAll().finally(() => {
      running = undefined;
    });
    return running;
  };
}
