// Asks the kernel for the pictures of an atlas: of the image under the mouse, and of an opened one with its nearest.

/** @typedef {import("../notebook/atlas/page").AtlasAsking} AtlasAsking */
/** @typedef {import("../notebook/atlas/page").AtlasParts} AtlasParts */
/** @typedef {import("../notebook/atlas/page").AtlasPictures} AtlasPictures */

/**
 * Shows pictures beside a map.
 * @param {HTMLElement} stage the element around the map
 * @param {AtlasParts["card"]} card
 * @param {AtlasAsking} on
 * @returns {AtlasPictures}
 */
export default function atlasPictures(stage, card, on) {
  const hoverDelayMs = 60;
  const busyMs = 1_000;
  // crypto.randomUUID is missing where JupyterLab is reached by plain HTTP from another machine.
  const view = Math.random().toString(36).slice(2);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hoverTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let busyTimer;
  let pointed = -1;
  let opened = -1;
  /** @type {[x: number, y: number]} */
  let mouse = [0, 0];

  const unpoint = () => {
    clearTimeout(hoverTimer);
    pointed = -1;
    cards.hideHover();
  };
  const forget = () => {
    clearTimeout(busyTimer);
    opened = -1;
    on.opened(-1, []);
  };
  const open = (/** @type {number} */ point) => {
    unpoint();
    opened = point;
    on.opened(point, []);
    on.ask({ view, kind: "open", point });
    clearTimeout(busyTimer);
    const words = "The kernel is at work: the pictures come when it is free.";
    busyTimer = setTimeout(() => cards.waits(words), busyMs);
  };
  const cards = card(stage, open, forget);
  return {
    open,
    unpoint,
    point(point, x, y) {
      if (point === pointed) return;
      unpoint();
      if (point < 0) return;
      [pointed, mouse] = [point, [x, y]];
      cards.showHover({ title: on.titleOf(point), detail: "", path: "", frame: "plain", point }, x, y);
      hoverTimer = setTimeout(() => on.ask({ view, kind: "hover", point }), hoverDelayMs);
    },
    close() {
      cards.close();
      forget();
    },
    answered(answer, jpegs) {
      if (answer.view !== view) return;
      const pictures = answer.items.map((item, i) => {
        return { ...item, jpeg: jpegs[i].byteLength > 0 ? jpegs[i] : undefined };
      });
      if (answer.kind === "hover" && answer.point === pointed) cards.showHover(pictures[0], ...mouse);
      if (answer.kind !== "open" || answer.point !== opened) return;
      clearTimeout(busyTimer);
      cards.showNearest(pictures);
      const near = pictures.slice(1).map(({ point }) => point);
      on.opened(
        opened,
        near.filter((point) => point >= 0),
      );
    },
    dispose() {
      clearTimeout(hoverTimer);
      clearTimeout(busyTimer);
      cards.dispose();
    },
  };
}
