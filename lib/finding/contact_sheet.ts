// The contact sheet of `guie find`: one HTML file with small copies of all pictures, which needs no other file, runs no
// script and holds no metadata of the photos.
import { createHash } from "node:crypto";
import { browserStyle } from "../common/browser_files";
import { UserError } from "../common/errors";
import { writeFileAtomically } from "../common/files/files";
import { escapeHtml } from "../common/html";
import { mapConcurrently } from "../common/parallel/concurrent";
import { decodeRgb } from "../images/decode";
import { thumbnailJpeg } from "../images/thumbnail";
import type { Hit, QueryHits } from "./find_photos";
import { hitText, isNothingAlike, NOTHING_ALIKE } from "./kept_verdict";

/** Longer side of a picture, in px: twice the size on the page, for dense screens. */
const PICTURE_PX = 320;
const DECODED_AT_ONCE = 4;

/**
 * Writes a contact sheet: each query and its hits, with rank, score, class and file.
 * @param path absolute
 * @param about a line about the search
 * @throws UserError if the file cannot be written
 */
export async function writeContactSheet(
  path: string,
  results: readonly QueryHits[],
  about: string,
): Promise<void> {
  const files = new Set(results.flatMap((result) => [result.path, ...result.hits.map((hit) => hit.path)]));
  const pictures = new Map<string, string>();
  await mapConcurrently([...files], DECODED_AT_ONCE, async (file) => {
    pictures.set(file, await pictureHtml(file));
  });
  const sections = results.map((result) => sectionHtml(result, (file) => pictures.get(file)!));
  writeFileAtomically(path, pageHtml(sections, about));
}

function pageHtml(sections: readonly string[], about: string): string {
  const style = browserStyle("contact_sheet.css");
  const digest = createHash("sha256").update(style).digest("base64");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Photos found</title>
<style>${style}</style>
<body>
<header>
<h1>Photos found</h1>
<p>${escapeHtml(about)}</p>
</header>
<main>
${sections.join("\n")}
</main>
</body>
</html>
`;
}

function sectionHtml({ query, path, hits, itself }: QueryHits, pictureOf: (file: string) => string): string {
  const note =
    itself.length === 0 ? "" : `<br><span class="note">it is among the photos: itself left out</span>`;
  const verdict = isNothingAlike(hits) ? `<br><b>${NOTHING_ALIKE}</b>` : "";
  const asked = `<figure class="query">${pictureOf(path)}<figcaption>${escapeHtml(query)}${note}${verdict}</figcaption></figure>`;
  const found = hits.map((hit) => `<li>${hitHtml(hit, pictureOf(hit.path))}</li>`);
  return `<section>${asked}<ol class="hits">${found.join("\n")}</ol></section>`;
}

function hitHtml({ rank, score, file, class: name, verdict }: Hit, picture: string): string {
  const named = name === null ? "" : ` ${escapeHtml(name)}`;
  const same = verdict?.isSame ? `<br><b>${hitText(verdict)}</b>` : "";
  const caption = `${rank}. <b>${score.toFixed(3)}</b>${named}${same}<br><span class="file">${escapeHtml(file).replaceAll("/", "/<wbr>")}</span>`;
  return `<figure>${picture}<figcaption>${caption}</figcaption></figure>`;
}

/** Returns a photo as an image inside the page; a photo that has vanished since is said in its place. */
async function pictureHtml(file: string): Promise<string> {
  try {
    const jpeg = await thumbnailJpeg(await decodeRgb(file), PICTURE_PX);
    return `<div class="picture"><img alt="" src="data:image/jpeg;base64,${jpeg.toString("base64")}"></div>`;
  } catch (error) {
    if (error instanceof UserError) return `<div class="picture">cannot be read now</div>`;
    throw error;
  }
}
