// Mouse, pen, finger and keys on the map of an atlas.

/** @typedef {import("../notebook/atlas/page").AtlasGestures} AtlasGestures */
/** @typedef {[x: number, y: number]} Place in CSS pixels of the map */

/**
 * Calls `on` for what a person does on the map: moving it, zooming, a lasso, a click, pointing.
 * @param {HTMLElement} map an element that can have the focus
 * @param {AtlasGestures} on
 * @returns {() => void} ends it
 */
export default function atlasMouse(map, on) {
  const clickPx = 4;
  const lassoStepPx = 3;
  /** @type {{ start: Place, last: Place, lasso: Place[] | undefined, adds: boolean, moved: boolean } | undefined} */
  let drag;
  /** @type {(event: MouseEvent) => Place} */
  const placeOf = (event) => {
    const { left, top } = map.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const end = (/** @type {boolean} */ isWhole) => {
    const ended = drag;
    drag = undefined;
    if (!ended) return;
    if (isWhole && !ended.moved) on.click(...ended.start);
    else if (ended.lasso) on.lasso(ended.lasso, isWhole, ended.adds);
  };
  map.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    map.setPointerCapture(event.pointerId);
    map.focus({ preventScroll: true });
    const start = placeOf(event);
    const lasso = on.isLasso() !== event.shiftKey ? [start] : undefined;
    drag = { start, last: start, lasso, adds: event.ctrlKey || event.metaKey, moved: false };
    event.preventDefault();
  });
  map.addEventListener("pointermove", (event) => {
    const [x, y] = placeOf(event);
    if (!drag) return on.point(x, y);
    const [lastX, lastY] = drag.last;
    drag.moved ||= Math.hypot(x - drag.start[0], y - drag.start[1]) > clickPx;
    if (!drag.moved) return;
    if (!drag.lasso) on.moveBy(x - lastX, y - lastY);
    else if (Math.hypot(x - lastX, y - lastY) < lassoStepPx) return;
    else {
      drag.lasso.push([x, y]);
      on.lassoGrows(drag.lasso);
    }
    drag.last = [x, y];
  });
  map.addEventListener("pointerup", () => end(true));
  map.addEventListener("pointercancel", () => end(false));
  map.addEventListener("pointerleave", () => on.leave());
  const linePx = 16;
  map.addEventListener(
    "wheel",
    (event) => {
      // The wheel scrolls the notebook until the map was clicked; two fingers on a touchpad come with ctrlKey.
      if (document.activeElement !== map && !event.ctrlKey) return;
      event.preventDefault();
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * linePx : event.deltaY;
      on.zoom(Math.exp(-pixels / (event.ctrlKey ? 100 : 400)), ...placeOf(event));
    },
    { passive: false },
  );
  const stepPx = 60;
  const factor = 1.4;
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => on.moveBy(stepPx, 0),
    ArrowRight: () => on.moveBy(-stepPx, 0),
    ArrowUp: () => on.moveBy(0, stepPx),
    ArrowDown: () => on.moveBy(0, -stepPx),
    "+": () => on.zoom(factor, map.clientWidth / 2, map.clientHeight / 2),
    "-": () => on.zoom(1 / factor, map.clientWidth / 2, map.clientHeight / 2),
    0: () => on.reset(),
    Escape: () => on.escape(),
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (document.activeElement !== map || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (!act) return;
    act();
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  // JupyterLab's shortcuts listen at the document, where the arrow keys choose another cell.
  window.addEventListener("keydown", press, true);
  return () => window.removeEventListener("keydown", press, true);
}
