// The page of an inspection: one HTML file with its data, style and script inside; it fetches nothing.
import { join } from "node:path";
import { browserFunction, browserStyle } from "../common/browser_files";
import { UserError } from "../common/errors";
import { mapConcurrently } from "../common/parallel/concurrent";
import { decodeRgb } from "../images/decode";
import { thumbnailJpeg } from "../images/thumbnail";
import type { InspectReport } from "./inspect";
import { type Section, sectionsOf } from "./report_sections";

/** The data of the page, as JSON inside it. */
export interface PageData {
  folder: string;
  photos: number;
  classes: number;
  sections: Section[];
  /** Small JPEGs without metadata, as data addresses, by photo; none of photos that cannot be read. */
  thumbs: Record<string, string>;
}

const THUMB_PX = 144;
const AT_ONCE = 4;
/** Rows of a table on the page; the CSV file has all. */
const MOST_ROWS = 500;

/** Returns the page of a report. Names are shown as text, never as markup. */
export async function reportPage(report: InspectReport): Promise<string> {
  const sections = sectionsOf(report);
  const data: PageData = {
    folder: report.folder,
    photos: report.photos,
    classes: report.classes,
    sections: sections.map((section) => ({ ...section, rows: section.rows.slice(0, MOST_ROWS) })),
    thumbs: await thumbsOf(report, sections),
  };
  const json = JSON.stringify(data).replaceAll("<", "\\u003c"); // ends no script element
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>What is wrong with these photos</title>
<link rel="icon" href="data:,">
<style>${browserStyle("inspect_page.css")}</style>
<body>
<header><h1>What is wrong with these photos</h1><p id="about"></p><nav id="contents"></nav></header>
<main id="sections"></main>
<footer id="collected" hidden></footer>
<script type="application/json" id="data">${json}</script>
<script>(${browserFunction("inspect_page")})();</script>
</body>
</html>
`;
}

async function thumbsOf({ folder }: InspectReport, sections: readonly Section[]) {
  const shown = sections.flatMap(({ cards }) => cards.flatMap(({ pictures }) => pictures));
  const images = [...new Set(shown.map(({ image }) => image))];
  const thumbs = await mapConcurrently(images, AT_ONCE, async (image) => {
    const address = await thumbnail(join(folder, image));
    return address === undefined ? [] : [[image, address] as const];
  });
  return Object.fromEntries(thumbs.flat());
}

/** Returns a small JPEG made of the pixels alone, as a data address; undefined if the photo cannot be read. */
async function thumbnail(path: string): Promise<string | undefined> {
  try {
    const jpeg = await thumbnailJpeg(await decodeRgb(path), THUMB_PX);
    return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
