// The page's side of an atlas (an anywidget): a map of points with menus, a legend, a lasso and pictures.

/** @typedef {import("../notebook/atlas/page").AtlasParts} AtlasParts */
/** @typedef {import("../notebook/atlas/page").AtlasState} AtlasState */
/** @typedef {[x: number, y: number]} Place */

/**
 * The part of anywidget's model that is used here.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(content: object) => void} send
 * @property {(event: string, handler: (...args: any[]) => void) => void} on
 * @property {(event: string, handler: (...args: any[]) => void) => void} off
 */

/**
 * Returns the widget.
 * @param {AtlasParts} parts
 * @returns {{ render(context: { model: Model, el: HTMLElement }): () => void }}
 */
export default function atlas(parts) {
  const [isSelected, isHidden] = [1, 2];
  const markPx = 48;
  const reachPx = 10;

  /** @type {(view: DataView) => ArrayBuffer} */
  const bytesOf = ({ buffer, byteOffset, byteLength }) =>
    /** @type {ArrayBuffer} */ (buffer).slice(byteOffset, byteOffset + byteLength);
  const floatsOf = (/** @type {DataView} */ view) => new Float32Array(bytesOf(view));
  const numbersOf = (/** @type {DataView} */ view) => new Uint32Array(bytesOf(view));
  /** "#rrggbb" as red, green, blue, opacity from the lowest byte. */
  const pixelOf = (/** @type {string} */ colour) => {
    const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
    return (red | (green << 8) | (blue << 16) | 0xff000000) >>> 0;
  };

  /** @param {Model} model */
  const readState = (model) => {
    const shapes = new Uint8Array(bytesOf(model.get("shapes")));
    return {
      shapes,
      places: /** @type {DataView[]} */ (model.get("places")).map(floatsOf),
      groups: /** @type {DataView[]} */ (model.get("groups")).map(numbersOf),
      colourings: /** @type {AtlasState["colourings"]} */ (model.get("colourings")),
      placedNames: /** @type {string[]} */ (model.get("placedNames")),
      byClass: /** @type {number} */ (model.get("byClass")),
      /** Points of the retrieval set; placed images come after them. */
      count: shapes.length - model.get("placedNames").length,
    };
  };

  return {
    render({ model, el }) {
      const state = readState(model);
      const { count, shapes, colourings } = state;
      const searches = state.places.map(parts.search);
      const marks = new Uint8Array(shapes.length);
      const colours = new Uint32Array(shapes.length);
      /** The shown part: places times scale, then moved by shares of the stage. */
      const view = { scale: 1, left: 0, top: 0 };

      el.innerHTML = `
        <div class="guie-atlas">
          <div class="guie-atlas-bar"></div>
          <div class="guie-atlas-stage">
            <canvas></canvas><svg></svg><div class="names"></div>
            <div class="surface" tabindex="0" role="application" aria-label="Map of images: arrows move it, + and - zoom, 0 shows all, Escape clears the selection"></div>
          </div>
          <div class="guie-atlas-legend"></div>
          <small>A click opens an image with its nearest images. After a click in the map the wheel zooms; two fingers always do.</small>
        </div>`;
      const find = (/** @type {string} */ name) => /** @type {any} */ (el.querySelector(name));
      const [stage, canvas, surface] = [find(".guie-atlas-stage"), find("canvas"), find(".surface")];
      const legend = parts.legend(find(".guie-atlas-legend"), () => mark());
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const title = document.createElement("b");
      title.textContent = model.get("title");
      find(".guie-atlas-bar").before(title);

      const placesNow = () => state.places[model.get("map")];
      const searchNow = () => searches[model.get("map")];
      const colouringNow = () => colourings[model.get("colouring")];
      const isShown = (/** @type {number} */ point) => marks[point] !== isHidden;
      const selectedNow = () => numbersOf(model.get("selected"));

      let image = context.createImageData(1, 1);
      let isAsked = false;
      const draw = () => {
        isAsked = false;
        const [width, height, ratio] = [canvas.width, canvas.height, canvas.width / stage.clientWidth];
        if (width === 0 || height === 0) return;
        const margin = Math.ceil(markPx * ratio);
        const [allWidth, allHeight] = [width + 2 * margin, height + 2 * margin];
        if (image.width !== allWidth || image.height !== allHeight)
          image = context.createImageData(allWidth, allHeight);
        const pixels = new Uint32Array(image.data.buffer);
        const circlePx = count > 20_000 ? 2 : count > 5_000 ? 2.5 : 3.2;
        const zoom = {
          scale: view.scale,
          left: view.left * width,
          top: view.top * height,
          radius: circlePx * ratio * Math.min(1.8, view.scale ** 0.25),
        };
        parts.pixels(
          { pixels, width, height, margin },
          { places: placesNow(), colours, shapes, marks },
          zoom,
        );
        context.putImageData(image, -margin, -margin);
        placeOverlay();
      };
      const redraw = () => {
        if (!isAsked) requestAnimationFrame(draw);
        isAsked = true;
      };
      /** @type {(point: number) => Place} */
      const onStage = (point) => [
        (placesNow()[2 * point] * view.scale + view.left) * stage.clientWidth,
        (placesNow()[2 * point + 1] * view.scale + view.top) * stage.clientHeight,
      ];
      /** @type {(place: Place) => Place} */
      const onMap = ([x, y]) => [
        (x / stage.clientWidth - view.left) / view.scale,
        (y / stage.clientHeight - view.top) / view.scale,
      ];

      /** @type {import("../notebook/atlas/page").AtlasOver} */
      const over = { opened: -1, near: [], lasso: [] };
      const overlay = parts.overlay(find("svg"), find(".names"), state.placedNames);
      const placeOverlay = () => overlay.draw(over, onStage, count);

      const mark = () => {
        const groups = state.groups[model.get("colouring")];
        for (let i = 0; i < count; i++) marks[i] = legend.hidden.has(groups[i]) ? isHidden : 0;
        const selected = selectedNow();
        for (const point of selected) if (marks[point] === 0) marks[point] = isSelected;
        // Placed images stay in sight.
        marks.fill(selected.length > 0 ? isSelected : 0, count);
        bar.selected(selected.length);
        redraw();
      };
      const colour = () => {
        const { groups } = colouringNow();
        const pixels = groups.map((group) => pixelOf(group.colour));
        const of = state.groups[model.get("colouring")];
        for (let i = 0; i < count; i++) colours[i] = pixels[of[i]];
        colours.fill(pixelOf("#e6007a"), count);
        bar.show("colouring", model.get("colouring"));
        legend.show(colouringNow().isNamed ? groups : []);
        mark();
      };
      const pictures = parts.pictures(stage, parts.card, {
        ask: (question) => model.send(question),
        titleOf: (point) =>
          point < count
            ? colourings[state.byClass].groups[state.groups[state.byClass][point]].name
            : state.placedNames[point - count],
        opened(opened, near) {
          Object.assign(over, { opened, near });
          placeOverlay();
        },
      });
      /** @type {(x: number, y: number) => number} */
      const pointAt = (x, y) => {
        const reach = [stage.clientWidth, stage.clientHeight].map((side) => reachPx / (side * view.scale));
        return searchNow().nearest(...onMap([x, y]), reach[0], reach[1], isShown);
      };

      const select = (/** @type {Uint32Array} */ points) => {
        model.set("selected", new DataView(points.slice().buffer));
        model.save_changes();
      };
      const moveBy = (/** @type {number} */ x, /** @type {number} */ y) => {
        view.left += x / stage.clientWidth;
        view.top += y / stage.clientHeight;
        pictures.unpoint();
        redraw();
      };
      const zoom = (/** @type {number} */ factor, /** @type {number} */ x, /** @type {number} */ y) => {
        const scale = Math.min(2_000, Math.max(0.5, view.scale * factor));
        const [shareX, shareY] = [x / stage.clientWidth, y / stage.clientHeight];
        view.left = shareX - ((shareX - view.left) * scale) / view.scale;
        view.top = shareY - ((shareY - view.top) * scale) / view.scale;
        view.scale = scale;
        pictures.unpoint();
        redraw();
      };
      const reset = () => {
        Object.assign(view, { scale: 1, left: 0, top: 0 });
        redraw();
      };
      const bar = parts.bar(
        find(".guie-atlas-bar"),
        { map: model.get("maps"), colouring: colourings.map(({ name }) => `colour: ${name}`) },
        {
          choose(name, value) {
            model.set(name, value);
            model.save_changes();
          },
          tool: (lasso) => surface.classList.toggle("draws", lasso),
          zoom: (factor) => zoom(factor, stage.clientWidth / 2, stage.clientHeight / 2),
          reset,
          unselect: () => select(new Uint32Array()),
        },
      );
      const endMouse = parts.mouse(surface, {
        isLasso: bar.isLasso,
        moveBy,
        zoom,
        lassoGrows(corners) {
          pictures.unpoint();
          over.lasso = corners;
          placeOverlay();
        },
        lasso(corners, isWhole, adds) {
          over.lasso = [];
          placeOverlay();
          if (!isWhole) return;
          const found = searchNow().inside(corners.map(onMap), (point) => point < count && isShown(point));
          const all = adds ? new Set([...selectedNow(), ...found]) : found;
          select(Uint32Array.from(all).sort());
        },
        click(x, y) {
          const found = pointAt(x, y);
          if (found >= 0) pictures.open(found);
        },
        point(x, y) {
          const found = pointAt(x, y);
          surface.classList.toggle("points", found >= 0);
          pictures.point(found, x, y);
        },
        leave: pictures.unpoint,
        reset,
        escape() {
          pictures.close();
          select(new Uint32Array());
        },
      });

      const showMap = () => {
        bar.show("map", model.get("map"));
        pictures.unpoint();
        redraw();
      };
      const size = new ResizeObserver(() => {
        canvas.width = Math.round(stage.clientWidth * devicePixelRatio);
        canvas.height = Math.round(stage.clientHeight * devicePixelRatio);
        draw();
      });
      size.observe(stage);
      /** @type {[string, (...args: any[]) => void][]} */
      const listeners = [
        ["msg:custom", pictures.answered],
        ["change:map", showMap],
        ["change:colouring", colour],
        ["change:selected", mark],
      ];
      for (const [event, listener] of listeners) model.on(event, listener);
      colour();
      showMap();
      return () => {
        size.disconnect();
        endMouse();
        pictures.dispose();
        for (const [event, listener] of listeners) model.off(event, listener);
      };
    },
  };
}
