// Builds scripts inside an output: self-contained, each finds its own element.
import { browserFunction } from "../../common/browser_files";

/**
 * Returns a script element that calls a function of lib/browser in the reader's browser, with the enclosing element and
 * `data`. JupyterLab runs it after the cell (and in trusted notebooks), nbconvert's pages always, GitHub never.
 * @param name the file's name without `.js`
 */
export function scriptHtml(name: string, data: object): string {
  // "</script>" or "<!--" in a label must not end the script.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const source = browserFunction(name).replaceAll(/\n\s+/g, "\n");
  return `<script>(${source})(document.currentScript.parentElement, ${json})</script>`;
}
