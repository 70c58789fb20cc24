// Text in HTML whose long words may break: readers drop the styles that would do it.
import { escapeHtml } from "../../common/html";

/** Longer words get places at which a line may break. */
const LONG_WORD = /\S{17,}/g;
/** Words break after a path's signs, but not before the short ending of a file's name (.jpg, .png~.jpg); a piece without signs, such as a hash, after every 16 characters. */
const SIGNS = /(?<=[/_+-])|(?<=\.)(?![\w~]{1,5}(?:\.\w{1,4})?$)/;
const PIECE = /.{1,16}/gu;

/**
 * Returns escaped text with `<wbr>` in its long words: paths, addresses, names of files.
 * @example
 * breakableHtml("in final_data_224/a.jpg"); // "in final_<wbr>data_<wbr>224/<wbr>a.jpg"
 */
export function breakableHtml(text: string): string {
  let html = "";
  let end = 0;
  for (const { 0: word, index } of text.matchAll(LONG_WORD)) {
    const pieces = word.split(SIGNS).flatMap((part) => part.match(PIECE) ?? []);
    html += escapeHtml(text.slice(end, index)) + pieces.map(escapeHtml).join("<wbr>");
    end = index + word.length;
  }
  return html + escapeHtml(text.slice(end));
}
