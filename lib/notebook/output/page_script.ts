// Scripts inside an output: they find their own element and need nothing from anywhere.

/**
 * A script element that calls `inPage` in the reader's browser, with the element around it and `data`.
 * JupyterLab runs it after the cell has run (and in trusted notebooks), nbconvert's pages do always, GitHub never.
 * @param inPage uses nothing but its arguments and the browser: its source alone travels
 */
export function scriptHtml<Data>(inPage: (around: HTMLElement, data: Data) => void, data: Data): string {
  // "</script>" or "<!--" in a label must not end the script.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const source = String(inPage).replaceAll(/\n\s+/g, "\n");
  return `<script>(${source})(document.currentScript.parentElement, ${json})</script>`;
}
