// What is drawn above the points of an atlas: the opened image and its nearest ones, the lasso, names of placed images.

/** @typedef {import("../notebook/atlas/page").AtlasOverlay} AtlasOverlay */

/**
 * Fills the overlay of a map.
 * @param {SVGElement} svg
 * @param {HTMLElement} names
 * @param {readonly string[]} placedNames
 * @returns {AtlasOverlay}
 */
export default function atlasOverlay(svg, names, placedNames) {
  const [openedPx, nearPx] = [11, 7];
  const namePx = 36;
  const make = (/** @type {string} */ tag, /** @type {Record<string, unknown>} */ attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    return element;
  };
  for (const name of placedNames) names.appendChild(document.createElement("span")).textContent = name;
  return {
    draw({ opened, near, lasso }, placeOf, firstPlaced) {
      const from = opened < 0 ? [0, 0] : placeOf(opened);
      const places = near.map(placeOf);
      svg.replaceChildren(
        ...places.map(([x2, y2]) => make("line", { x1: from[0], y1: from[1], x2, y2 })),
        ...places.map(([cx, cy]) => make("circle", { cx, cy, r: nearPx, class: "near" })),
        ...(opened < 0 ? [] : [make("circle", { cx: from[0], cy: from[1], r: openedPx, class: "opened" })]),
        ...(lasso.length > 1 ? [make("polygon", { points: lasso.join(" ") })] : []),
      );
      for (const [i, name] of [...names.children].entries()) {
        const [x, y] = placeOf(firstPlaced + i);
        if (name instanceof HTMLElement)
          name.style.transform = `translate(${x}px, ${y}px) translate(-50%, ${y < namePx ? 80 : -180}%)`;
      }
    },
  };
}
