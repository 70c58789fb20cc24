// A case of a benchmark against peers: contestants in turn, a row per peer.
import { alternate, startContestant } from "./contestant.mjs";
import { median } from "./numbers.mjs";
import { row } from "./report.mjs";

/** @typedef {[command: string, args: string[]]} Start what starts a contestant */

/**
 * Runs a case: ours and its peers take turns; prints a row per peer, one without a peer if there are none.
 * @param {object} contest
 * @param {string} contest.bench
 * @param {string} contest.name the case
 * @param {string} contest.unit
 * @param {(ms: number) => number} contest.rate converts milliseconds of an iteration to the unit; more is better
 * @param {Start} contest.ours
 * @param {Record<string, Start | undefined>} [contest.peers] peer's name -> its start; undefined if it is not installed
 * @param {Start[]} [contest.gauges] contestants that take turns too, and measure the machine
 * @param {() => void} [contest.before] runs before each iteration, outside of its time
 * @param {number} [contest.warmUps]
 * @param {number} [contest.rounds]
 * @param {number} [contest.pauseMs]
 * @param {(found: { oursMs: number, theirsMs?: number, gaugesMs: (number | undefined)[], more: Record<string, any> }) =>
 *   Record<string, number> | Promise<Record<string, number>>} [contest.more] returns further numbers of a row, from the
 * medians and what our contestant reported at its end; called after all have ended
 */
export async function contest({
  bench,
  name,
  unit,
  rate,
  ours,
  peers = {},
  gauges = [],
  before,
  more,
  ...options
}) {
  const contestants = [];
  for (const start of [ours, ...gauges, ...Object.values(peers)])
    contestants.push(start && (await startContestant(...start)));
  const prepare = (one) => ({
    ...one,
    run: () => {
      before();
      return one.run();
    },
  });
  const prepared = before ? contestants.map((one) => one && prepare(one)) : contestants;
  const times = await alternate(prepared, options);
  const peaks = await Promise.all(contestants.map((contestant) => contestant?.end()));
  const oursTimes = times[0];
  if (!oursTimes) throw new Error(`bench: ${bench}, ${name}: our side ended before it answered`);
  const gaugesMs = times.slice(1, 1 + gauges.length).map((one) => one && median(one));
  const names = Object.keys(peers);
  for (const [i, peer] of (names.length > 0 ? names : [null]).entries()) {
    const place = 1 + gauges.length + i;
    const theirs = peer === null ? undefined : times[place];
    const medians = { oursMs: median(oursTimes), theirsMs: theirs && median(theirs), gaugesMs };
    row({
      bench,
      case: name,
      unit,
      peer,
      isMissing: peer !== null && !peers[peer],
      ours: oursTimes.map(rate),
      theirs: theirs?.map(rate),
      peakMB: peaks[0],
      theirPeakMB: peer === null ? undefined : peaks[place],
      more: await more?.({ ...medians, more: contestants[0].more() }),
    });
  }
}
