// Counts, shares and scores as words of a sentence or cells of a table.

/** Writes a count with its noun: "1 image", "3,960 images". */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : several}`;
}

/** Writes a share, 0..1, as percent: "12 %", with two decimals "12.35 %". */
export function percent(share: number, decimals = 0): string {
  return `${(100 * share).toFixed(decimals)} %`;
}

/** Writes a score, 0..1: "0.634"; "none" if it is not defined (NaN). */
export function scoreText(score: number): string {
  return Number.isNaN(score) ? "none" : score.toFixed(3);
}

/** Writes the difference of two scores with its sign: "+0.012", "-0.300". */
export function signed(difference: number): string {
  return `${difference < 0 ? "-" : "+"}${scoreText(Math.abs(difference))}`;
}

/** Writes an interval of scores: "[0.601, 0.667]". */
export function intervalText({ low, high }: { low: number; high: number }): string {
  return `[${scoreText(low)}, ${scoreText(high)}]`;
}
