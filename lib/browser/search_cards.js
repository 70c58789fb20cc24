// The cards of index images on the page of `guie serve`. Names, classes and paths are shown as text.

/** @typedef {import("../serving/found_row").FoundRow} FoundRow */
/** @typedef {import("../serving/found_row").IndexRow} IndexRow */

/**
 * Returns the makers of cards.
 * @param {(item: IndexRow) => void} onPick called with the image of a card that is clicked
 */
export default function searchCards(onPick) {
  /**
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {Tag} tag
   * @param {string} className
   */
  const make = (tag, className, text = "") => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  };

  const titleOf = (/** @type {IndexRow} */ { name, label, file }) =>
    name ?? (label === null ? file.slice(file.lastIndexOf("/") + 1) : `class ${label}`);

  /**
   * Makes a button with a picture of the index, its class or name, and its path.
   * @param {IndexRow} item
   * @param {string} label
   * @param {string} said what is said about it, above its name
   */
  const card = (item, label, said = "") => {
    const title = titleOf(item);
    const button = make("button", "card");
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.title = item.file;
    const picture = button.appendChild(make("span", "picture")).appendChild(make("img", ""));
    picture.alt = "";
    picture.src = item.image;
    if (said) button.appendChild(make("span", "itself", said));
    button.appendChild(make("span", "name", title));
    if (item.file !== title) button.appendChild(make("span", "path", item.file));
    button.onclick = () => onPick(item);
    return button;
  };

  return {
    titleOf,
    /** Makes the card of an image to start with. */
    sample: (/** @type {IndexRow} */ item) =>
      card(item, `Find images like ${[...new Set([titleOf(item), item.file])].join(", ")}`),
    /** Makes the card of a hit. */
    hit(/** @type {FoundRow} */ item, /** @type {number} */ rank) {
      const score = item.score.toFixed(2);
      const itself = item.isQuery ? "this very photo" : "";
      const same = item.verdict?.isSame ? `same object, ${Math.floor(100 * item.verdict.probability)} %` : "";
      const words = new Set([titleOf(item), item.file, itself, same].filter(Boolean));
      const label = `${rank + 1}: ${[...words].join(", ")}, similarity ${score}. Find more like it`;
      const button = card(item, label, itself || same);
      const line = button.appendChild(make("span", "score"));
      const bar = line.appendChild(make("span", "bar")).appendChild(make("span", ""));
      bar.style.width = `${Math.max(0, 100 * item.score)}%`;
      line.appendChild(make("span", "value", score));
      return button;
    },
  };
}
