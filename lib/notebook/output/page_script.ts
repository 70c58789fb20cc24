// Scripts inside an output: they find their own element and need nothing from anywhere.
import { browserFunction } from "../../common/browser_files";

/**
 * Returns a script element that calls a function of lib/browser in the reader's browser, with the element around it
 * and `data`. JupyterLab runs it after the cell has run (and in trusted notebooks), nbconvert's pages do always, GitHub
 * never.
 * @param name of the file, without `.js`
 */
export function scriptHtml(name: string, data: object): string {
  // "</script>" or "<!--" in a label must not end the script.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const source = browserFunction(name).replaceAll(/\n\s+/g, "\n");
  return `<script>(${source})(document.currentScript.parentElement, ${json})</script>`;
}
