// Pages with a map of points, for `npm run bench atlas`: the atlas's own code with a model that has no kernel, and peers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "guie/dist/common/random.js";
import { atlasPage, atlasState } from "guie/dist/notebook/atlas/atlas_state.js";
import { chromium } from "playwright-core";
import { ROOT } from "../shared/paths.mjs";

const modules = join(ROOT, "node_modules");
const peers = join(ROOT, ".cache/peers/atlas/node_modules");
/** The peer that `npm run bench:setup` installs. */
export const REGL_SCATTERPLOT = join(peers, "regl-scatterplot/dist/regl-scatterplot.esm.js");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const [WIDTH, HEIGHT] = [900, 560];
const CLASSES = 50;
/** Diameter of a point, in CSS pixels, as the atlas chooses it. */
const POINT_PX = { 10000: 5, 100000: 4 };
const SETTLE_MS = 1_200;
const LONGEST_MS = 60_000;

/** A browser for the contestants. */
export class AtlasPages {
  flags = FLAGS;

  constructor(browser, renderer) {
    this.browser = browser;
    this.version = browser.version();
    this.renderer = renderer;
  }

  static async open() {
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    const browser = await chromium.launch({ executablePath, args: FLAGS });
    const page = await browser.newPage();
    const renderer = await page.evaluate(() => {
      const gl = document.createElement("canvas").getContext("webgl");
      return (
        gl?.getParameter(gl.getExtension("WEBGL_debug_renderer_info").UNMASKED_RENDERER_WEBGL) ?? "no WebGL"
      );
    });
    await page.close();
    return new AtlasPages(browser, renderer);
  }

  close() {
    return this.browser.close();
  }

  /** Returns the milliseconds from events to redraws, by gesture, and the page's heap after them. */
  async measure(name, count, gestures) {
    const page = await this.browser.newPage({ viewport: { width: 1000, height: 800 } });
    page.on("pageerror", (error) => console.error(`bench: ${name}: ${error.message}`));
    await page.setContent("<!doctype html><body style='margin: 0'></body>");
    await page.evaluate(watchRedraws);
    await CONTESTANTS[name](page, pointsOf(count));
    await page.waitForTimeout(SETTLE_MS);
    const timesMs = {};
    for (const gesture of gestures) {
      timesMs[gesture] = await GESTURES[gesture](page, name);
    }
    const bytes = await page.evaluate(() => /** @type {any} */ (performance).memory.usedJSHeapSize);
    await page.close();
    return { timesMs, heapMB: Math.round(bytes / 2 ** 20) };
  }
}

/** Draws seeded clusters, one per class. */
function pointsOf(count) {
  const random = randomStream(1, "bench atlas");
  const middles = Array.from({ length: CLASSES }, () => [random.uniform(), random.uniform()]);
  const classes = Array.from({ length: count }, (_, i) => i % CLASSES);
  const places = classes.flatMap((label) => middles[label].map((middle) => middle + 0.04 * random.normal()));
  const points = classes.map((label, index) => {
    const role = /** @type {const} */ ("index");
    return { image: `${index}.jpg`, label, className: `class ${label}`, dataset: "", role, index };
  });
  const place = () => {
    throw new Error("bench: no image is put on this map");
  };
  const map = { name: "UMAP", places: { data: Float32Array.from(places), count, length: 2 }, place };
  const state = atlasState({ points, maps: [map], imageCount: count });
  const { groups } = state.colourings[state.byClass];
  return { count, state, colours: classes.map((label) => groups[label].colour) };
}

/** Runs in the page: notes the time from a mouse event to the frame after the drawing that it causes. */
function watchRedraws() {
  window.redrawsMs = [];
  let from;
  let isDrawing = false;
  const contexts = new Set();
  window.forgetEvents = () => {
    from = undefined;
    return window.redrawsMs.splice(0);
  };
  const note = () => {
    if (isDrawing || from === undefined) return;
    const since = from;
    isDrawing = true;
    from = undefined;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      isDrawing = false;
      // Reading a pixel waits until WebGL has drawn.
      for (const gl of contexts) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
      requestAnimationFrame(() => window.redrawsMs.push(performance.now() - since));
    };
    port2.postMessage(0);
  };
  /** @param {any} kind @param {string} name @param {(context: any) => void} [use] */
  const watch = (kind, name, use = () => {}) => {
    const original = kind.prototype[name];
    kind.prototype[name] = function (...values) {
      use(this);
      note();
      return original.apply(this, values);
    };
  };
  for (const kind of [WebGLRenderingContext, WebGL2RenderingContext])
    for (const name of ["drawArrays", "drawElements"]) watch(kind, name, (gl) => void contexts.add(gl));
  watch(CanvasRenderingContext2D, "putImageData");
  for (const type of ["pointermove", "wheel", "pointerup"])
    addEventListener(
      type,
      (/** @type {MouseEvent} */ event) => {
        if (event.type !== "pointermove" || event.buttons !== 0) from ??= event.timeStamp;
      },
      { capture: true, passive: true },
    );
}

const CONTESTANTS = {
  async ours(page, { state }) {
    const bytesOf = (value) =>
      ArrayBuffer.isView(value)
        ? { bytes: [...new Uint8Array(value.buffer)] }
        : Array.isArray(value) && ArrayBuffer.isView(value[0])
          ? value.map(bytesOf)
          : value;
    const values = Object.fromEntries(Object.entries(state).map(([name, value]) => [name, bytesOf(value)]));
    const { esm, css } = atlasPage();
    await page.addStyleTag({
      content: `${css} .guie-atlas-stage { width: ${WIDTH}px; height: ${HEIGHT}px }`,
    });
    await page.evaluate(
      async ([esm, values]) => {
        const viewOf = (value) =>
          value?.bytes
            ? new DataView(Uint8Array.from(value.bytes).buffer)
            : Array.isArray(value)
              ? value.map(viewOf)
              : value;
        for (const name of Object.keys(values)) values[name] = viewOf(values[name]);
        const handlers = {};
        const model = {
          get: (name) => values[name],
          set(name, value) {
            values[name] = value;
            for (const handler of handlers[`change:${name}`] ?? []) handler();
          },
          save_changes() {},
          send() {},
          on: (event, handler) => (handlers[event] = [...(handlers[event] ?? []), handler]),
          off() {},
        };
        const { default: widget } = await import(
          URL.createObjectURL(new Blob([esm], { type: "text/javascript" }))
        );
        widget.render({ model, el: document.body });
      },
      [esm, values],
    );
  },
  async plotly(page, { count, state, colours }) {
    await page.addScriptTag({ path: join(modules, "plotly.js/dist/plotly-gl2d.min.js") });
    await page.evaluate(
      async ([places, color, size, width, height]) => {
        const plot = document.body.appendChild(document.createElement("div"));
        plot.id = "map";
        const axis = (offset) => places.filter((_, i) => i % 2 === offset);
        const data = [
          { type: "scattergl", mode: "markers", x: axis(0), y: axis(1), marker: { size, color } },
        ];
        const layout = {
          width,
          height,
          dragmode: "pan",
          hovermode: false,
          margin: { l: 0, r: 0, t: 0, b: 0 },
        };
        await window.Plotly.newPlot(plot, data, layout, { scrollZoom: true });
      },
      [[...state.places[0]], colours, POINT_PX[count], WIDTH, HEIGHT],
    );
  },
  async regl(page, { count, state, colours }) {
    await page.addScriptTag({ path: join(peers, "regl/dist/regl.min.js") });
    const [pubSub, source] = [join(peers, "pub-sub-es/dist/index.js"), REGL_SCATTERPLOT].map((path) =>
      readFileSync(path, "utf8"),
    );
    await page.evaluate(
      async ([pubSub, source]) => {
        const addressOf = (code) => URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
        const code = source
          .replace("'pub-sub-es'", JSON.stringify(addressOf(pubSub)))
          .replace("'regl'", JSON.stringify(addressOf("export default window.createREGL;")));
        window.createScatterplot = (await import(addressOf(code))).default;
      },
      [pubSub, source],
    );
    await page.evaluate(
      async ([places, colours, pointSize, width, height]) => {
        const canvas = document.body.appendChild(document.createElement("canvas"));
        canvas.style.cssText = `width: ${width}px; height: ${height}px`;
        const palette = [...new Set(colours)];
        const plot = window.createScatterplot({
          canvas,
          width,
          height,
          pointSize,
          colorBy: "category",
          pointColor: palette,
        });
        const category = colours.map((colour) => palette.indexOf(colour));
        const axis = (offset) => places.filter((_, i) => i % 2 === offset).map((value) => 2 * value - 1);
        await plot.draw({ x: axis(0), y: axis(1), category });
      },
      [[...state.places[0]], colours, POINT_PX[count], WIDTH, HEIGHT],
    );
  },
};

/** What a person does, with pauses as of a hand. */
const GESTURES = {
  async move(page, name) {
    const { x, y } = await cornerOf(page, name);
    await page.mouse.move(x + 300, y + 250);
    await page.mouse.down();
    for (let i = 1; i <= 40; i++) {
      await page.mouse.move(x + 300 + 4 * i, y + 250 + 2 * i);
      await page.waitForTimeout(30);
    }
    await page.mouse.up();
    return redraws(page);
  },
  async zoom(page, name) {
    await page.mouse.click(...(await cornerOf(page, name).then(({ x, y }) => [x + 2, y + 2])));
    await redraws(page);
    const { x, y } = await cornerOf(page, name);
    await page.mouse.move(x + 450, y + 280);
    for (let i = 0; i < 30; i++) {
      await page.mouse.wheel(0, i % 2 === 0 ? -80 : 60);
      await page.waitForTimeout(60);
    }
    return redraws(page);
  },
  /** Times from letting the lasso go to the first redraw. */
  async lasso(page, name) {
    const times = [];
    const { x, y } = await cornerOf(page, name);
    if (name === "plotly") await page.evaluate(() => window.Plotly.relayout("map", { dragmode: "lasso" }));
    else await page.keyboard.down("Shift");
    for (let round = 0; round < 10; round++) {
      await page.waitForTimeout(300);
      await page.mouse.move(x + 250 + 10 * round, y + 150);
      await page.mouse.down();
      for (let i = 1; i <= 20; i++) {
        const angle = (2 * Math.PI * i) / 20;
        await page.mouse.move(x + 250 + 10 * round + 150 * Math.sin(angle), y + 300 - 150 * Math.cos(angle));
      }
      await redraws(page);
      await page.mouse.up();
      await page.waitForFunction(() => window.redrawsMs.length > 0, undefined, { timeout: LONGEST_MS });
      times.push(...(await redraws(page)).slice(0, 1));
    }
    await page.keyboard.up("Shift");
    return times;
  },
};

/** Waits until nothing more is drawn; returns the times since the last call. */
async function redraws(page) {
  let [before, now] = [-1, 0];
  while (now > before) {
    before = now;
    await page.waitForTimeout(SETTLE_MS);
    now = await page.evaluate(() => window.redrawsMs.length);
  }
  return page.evaluate(() => window.forgetEvents());
}

async function cornerOf(page, name) {
  const selector = { ours: ".guie-atlas .surface", plotly: "#map .nsewdrag", regl: "canvas" }[name];
  return page.locator(selector).first().boundingBox();
}
