// The texts of `npm run bench all`: a table of all rows, a summary of the worst ones.

/** Number of lines of the summary. */
const LINES = 10;

/** Returns all rows as a Markdown table. */
export function table(results) {
  const head = ["work", "ours", "peer", "theirs", "ratio", "wanted", "MB ours / theirs", "since the last"];
  const lines = results.map((result) => {
    const { title, ours, unit, peer, theirs, ratio, ratioQuartiles, wanted, peakMB, theirPeakMB } = result;
    const spread = ratioQuartiles ? ` [${ratioQuartiles.map(digits).join(", ")}]` : "";
    const ownNumber = ours === null ? "-" : `${ours} ${unit}`;
    const compared = ratio === null ? (result.note ?? "-") : `${digits(ratio)}${spread}`;
    const memory = `${peakMB ?? "-"} / ${theirPeakMB ?? "-"}`;
    return [
      title,
      ownNumber,
      peer,
      theirs ?? "-",
      compared,
      wanted ?? "-",
      memory,
      changeText(result.changes),
    ];
  });
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Returns the ten rows with the worst ratios, worst first, with the wanted figures. */
export function summary(results) {
  const compared = results.filter(({ ratio }) => ratio !== null).sort((a, b) => a.ratio - b.ratio);
  return compared.slice(0, LINES).map(({ title, ratio, wanted, changes }) => {
    const aim = wanted === undefined ? "" : `, wanted ${wanted}${ratio < wanted ? "" : ": reached"}`;
    return `${digits(ratio)}  ${title}${aim}${changes?.length ? ` (${changeText(changes)})` : ""}`;
  });
}

/** Returns a row's changes since the row before in words. */
export function changeText(changes = []) {
  const texts = changes.map(
    ({ name, change, isBetter }) =>
      `${name} ${change > 0 ? "+" : ""}${(100 * change).toFixed(0)} %: ${isBetter ? "better" : "worse"}`,
  );
  return texts.join(", ");
}

function digits(value) {
  return value.toFixed(2);
}
