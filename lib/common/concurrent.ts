// Runs an asynchronous function on many items, a few at a time.
import { checkInterrupt } from "./interrupt";

/**
 * Runs `work` over `items`, at most `limit` at once; results in the items' order. When one fails, or Interrupt is
 * pressed, nothing new is begun, what is under way is waited for, and the first error is thrown.
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
