// The page of the service: one document with its style and script inside. It fetches nothing from other hosts; data of
// the index reach it as JSON and are shown as text.
import { createHash } from "node:crypto";
import { browserCall, browserStyle } from "../common/browser_files";

/** The page and its Content-Security-Policy: only its own script and style, and images of this service. */
export interface ServicePage {
  html: string;
  policy: string;
}

/** The parts of the page's script, by the names that it gives them. */
const PARTS = {
  cards: "search_cards",
  conditions: "search_conditions",
  query: "search_query",
  rectangle: "search_rectangle",
  state: "search_state",
  trail: "search_trail",
};

/** Assembles the page from the files of lib/browser. */
export function servicePage(): ServicePage {
  const [script, style] = [browserCall("search_page", PARTS), browserStyle("search_page.css")];
  return { html: htmlOf(script, style), policy: policyOf(script, style) };
}

const htmlOf = (script: string, style: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Search by image</title>
<link rel="icon" href="data:,">
<style>${style}</style>
<body>
<header>
  <h1>Search by image</h1>
  <p id="about" aria-live="off"></p>
  <div id="photos" hidden>
    <p><span id="coming" role="status"></span> <button id="reload" type="button">Look for new photos</button></p>
    <progress id="progress" aria-label="Photos embedded" hidden></progress>
    <details id="left_out" hidden></details>
  </div>
</header>
<main>
  <section id="ask" aria-label="Your image">
    <button id="back" type="button" hidden></button>
    <div id="query" hidden>
      <div id="stage">
        <div id="frame" tabindex="0" role="application" aria-label="Query image" aria-describedby="keys">
          <img id="preview" alt="" draggable="false">
        </div>
        <p id="unseen" hidden>Your browser does not show this format. The search reads it.</p>
      </div>
      <ol id="pictures" aria-label="Images of this query" hidden></ol>
      <p id="asked" role="status"></p>
      <button id="part" type="button">Search a part</button>
      <p id="keys">Drag over the image to search a part of it. Keys, on the image: Enter begins, arrows move, Shift and arrows resize, Esc clears.</p>
    </div>
    <input id="file" type="file" accept="image/*" multiple>
    <label id="drop" for="file">
      <svg viewBox="0 0 48 48" aria-hidden="true"><path d="M8 34v5a3 3 0 0 0 3 3h26a3 3 0 0 0 3-3v-5M24 32V8m-9 9 9-9 9 9"/></svg>
      <b>Drop an image here</b><span>paste one, or <u>choose a file</u>;</span><span>several views of one thing are one search</span>
    </label>
    <p id="filter" class="count" hidden><label for="only">Only where</label> <input id="only" list="columns" placeholder="class=apple; folder!=old" title="COLUMN=VALUE or COLUMN!=VALUE; several are separated by ;"><datalist id="columns"></datalist></p>
    <p class="count"><label for="count">Neighbours</label> <select id="count"><option>6<option selected>12<option>24<option>48</select></p>
  </section>
  <section id="answer" aria-label="Nearest images">
    <p id="status" role="status"></p>
    <p id="error" role="alert"></p>
    <ol id="found"></ol>
  </section>
</main>
<script>${script}</script>
</body>
</html>
`;

function policyOf(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src '${digest(script)}'`,
    `style-src '${digest(style)}'`,
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function digest(source: string): string {
  return `sha256-${createHash("sha256").update(source).digest("base64")}`;
}
