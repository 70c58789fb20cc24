// The legend of an atlas: a click on a name hides its points, a double click shows only these.

/** @typedef {import("../notebook/atlas/page").AtlasGroup} AtlasGroup */
/** @typedef {import("../notebook/atlas/page").AtlasLegend} AtlasLegend */

/**
 * Makes a legend.
 * @param {HTMLElement} place
 * @param {() => void} changed called when a person hides or shows groups
 * @returns {AtlasLegend}
 */
export default function atlasLegend(place, changed) {
  /** @type {Set<number>} */
  const hidden = new Set();
  const press = () => {
    for (const [group, button] of [...place.children].entries())
      button.setAttribute("aria-pressed", String(!hidden.has(group)));
  };
  const showOnly = (/** @type {number} */ only, /** @type {number} */ count) => {
    const isAlone = hidden.size === count - 1 && !hidden.has(only);
    hidden.clear();
    for (let group = 0; group < count && !isAlone; group++) if (group !== only) hidden.add(group);
  };
  return {
    hidden,
    show(groups) {
      hidden.clear();
      const buttons = groups.map(({ name, colour }, group) => {
        const button = document.createElement("button");
        button.appendChild(document.createElement("i")).style.background = colour;
        button.append(name);
        button.title = "Click: hide or show. Double click: show only these, or all";
        button.onclick = ({ detail }) => {
          if (detail === 2) showOnly(group, groups.length);
          else if (!hidden.delete(group)) hidden.add(group);
          press();
          changed();
        };
        return button;
      });
      place.replaceChildren(...buttons);
      press();
    },
  };
}
