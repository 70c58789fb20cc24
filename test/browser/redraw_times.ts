// Times from a moved control to what it redraws, measured in the page.
import type { Page } from "playwright-core";

/** A change in the page: the control's number, or the number in what it redraws, once it is painted. */
interface Change {
  kind: "moved" | "drawn";
  value: number;
  atMs: number;
}

/**
 * Watches a slider's number and the text of its cell's output while `move` moves the slider.
 * @param output selector of the cell's output
 * @param readout index of the slider in it
 * @param drawn finds the number in the output's text
 * @returns the times from each number to its redraw, or a later number's, in ms
 */
export async function redrawTimes(
  page: Page,
  output: string,
  readout: number,
  drawn: RegExp,
  move: () => Promise<void>,
): Promise<number[]> {
  await page.evaluate(
    ([output, readout, pattern]) => {
      const element = document.querySelector(output)!;
      const number = element.querySelectorAll(".widget-readout")[readout]!;
      const changes: Change[] = [];
      Object.assign(window, { changes });
      const note = (kind: Change["kind"], read: () => number) => {
        let last = read();
        return () => {
          const value = read();
          if (Object.is(value, last)) return;
          last = value;
          const push = () => changes.push({ kind, value, atMs: performance.now() });
          if (kind === "moved") push();
          else requestAnimationFrame(push);
        };
      };
      const all = { childList: true, characterData: true, subtree: true };
      new MutationObserver(note("moved", () => Number(number.textContent))).observe(number, all);
      const found = () => Number(new RegExp(pattern).exec(element.textContent ?? "")?.[1]);
      new MutationObserver(note("drawn", found)).observe(element, all);
    },
    [output, readout, drawn.source] as const,
  );
  await move();
  await page.waitForTimeout(1_000);
  const changes = (await page.evaluate("window.changes")) as Change[];
  const moved = changes.filter(({ kind }) => kind === "moved");
  const redrawn = changes.filter(({ kind }) => kind === "drawn");
  return moved.flatMap(({ atMs }, i) => {
    const later = new Set(moved.slice(i).map(({ value }) => value));
    const shown = redrawn.find((change) => change.atMs >= atMs && later.has(change.value));
    return shown ? [shown.atMs - atMs] : [];
  });
}

/** Returns the median of times and the time within which 95 % of them lie, whole numbers. */
export function timesSummary(timesMs: readonly number[]): {
  redraws: number;
  medianMs: number;
  within95Ms: number;
} {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  return { redraws: sorted.length, medianMs: at(0.5), within95Ms: at(0.95) };
}

/** Returns "12 redraws: median 31 ms, 95 % within 60 ms". */
export function timesText(timesMs: readonly number[]): string {
  const { redraws, medianMs, within95Ms } = timesSummary(timesMs);
  return `${redraws} redraws: median ${medianMs} ms, 95 % within ${within95Ms} ms`;
}

/** Drags the handle of a slider by steps of the mouse. */
export async function dragSlider(
  page: Page,
  output: string,
  slider: number,
  byPx: number,
  moves = 25,
): Promise<void> {
  const handle = page.locator(`${output} .noUi-handle`).nth(slider);
  await handle.scrollIntoViewIfNeeded();
  const box = (await handle.boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let i = 1; i <= moves; i++) {
    await page.mouse.move(x + (byPx * i) / moves, y);
    await page.waitForTimeout(40);
  }
  await page.mouse.up();
}
