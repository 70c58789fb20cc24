// Runs an asynchronous function on many items, a few at a time.
import { checkInterrupt } from "../interrupt";

/**
 * Runs `work` on every item, at most `limit` at once; returns the results in the items' order. After an error or
 * Interrupt it begins no further item, waits for those under way, and throws the first error.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const errors: unknown[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length && errors.length === 0) {
      const index = next++;
      try {
        await checkInterrupt();
        if (errors.length > 0) return;
        results[index] = await work(items[index]!, index);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (errors.length > 0) throw errors[0];
  return results;
}
