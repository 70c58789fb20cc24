// Generates the tables of docs/background/speed.md from the history of `npm run bench all`: the last result of each row,
// by kind of machine.
//   node scripts/check/speed.mjs            fails if they differ from the history
//   node scripts/check/speed.mjs --write    updates them
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { lastOf, readHistory } from "../../bench/overview/history.mjs";
import { ROWS } from "../../bench/overview/wanted.mjs";
import { checkTables, table } from "./generated_tables.mjs";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../bench/history");
const HEAD = ["work", "ours", "peer", "theirs", "ratio", "wanted", "MB, ours / theirs"];

function cells({
  ours,
  unit,
  peer,
  theirs,
  ratio,
  ratioQuartiles,
  wanted,
  note,
  peakMB,
  theirPeakMB,
  title,
}) {
  const spread = ratioQuartiles ? ` [${ratioQuartiles.map((value) => value.toFixed(2)).join(", ")}]` : "";
  return [
    title,
    ours === null ? "-" : `${ours.toLocaleString("en")} ${unit}`,
    peer,
    theirs?.toLocaleString("en") ?? "-",
    ratio === null ? (note ?? "-") : `${ratio.toFixed(2)}${spread}`,
    wanted ?? "-",
    `${peakMB ?? "-"} / ${theirPeakMB ?? "-"}`,
  ];
}

/** Returns a machine's section; what was measured at another time than the most says so in its title. */
function section(file) {
  const { results } = readHistory(join(folder, file));
  const rows = ROWS.map(({ title }) => lastOf(results, title)).filter((result) => result !== undefined);
  const { cpu, flags, cores } = rows[0].machine;
  const made = [...new Set(rows.map(({ date, commit }) => `${date.slice(0, 10)} (commit ${commit})`))];
  const title = `## ${cpu}, ${flags.join(" ")}, ${cores} cores`;
  return `${title}\n\nMeasured on ${made.join(", ")}.\n\n${table(HEAD, rows.map(cells))}\n`;
}

const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".jsonl")) : [];
checkTables("background/speed", files.sort().map(section).join("\n"));
