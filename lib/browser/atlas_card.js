// Pictures beside the map of an atlas: the image under the mouse, and an opened image with its nearest images.

/** @typedef {import("../notebook/atlas/page").AtlasPicture} AtlasPicture */
/** @typedef {import("../notebook/atlas/page").AtlasCards} AtlasCards */

/**
 * Makes both cards, hidden.
 * @param {HTMLElement} stage the element around the map
 * @param {(point: number) => void} open called for a click on a near image that is on the map
 * @param {() => void} closed called when the person closes the card
 * @returns {AtlasCards}
 */
export default function atlasCard(stage, open, closed) {
  const make = (
    /** @type {string} */ tag,
    /** @type {string} */ name,
    /** @type {HTMLElement} */ parent,
    text = "",
  ) => {
    const element = parent.appendChild(document.createElement(tag));
    element.className = `guie-atlas-${name}`;
    element.textContent = text;
    return element;
  };
  const hover = make("div", "hover", stage);
  const card = make("div", "card", stage);
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-label", "An image and its nearest images");
  hover.hidden = card.hidden = true;

  /** @param {HTMLElement} parent @param {AtlasPicture} picture */
  const addPicture = (parent, { jpeg, title, detail, frame, problem }) => {
    const figure = make("figure", frame ?? "plain", parent);
    if (jpeg) {
      const image = /** @type {HTMLImageElement} */ (make("img", "image", figure));
      image.alt = title;
      image.src = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
    }
    make("figcaption", "title", figure, title);
    make("small", "detail", figure, problem ?? detail);
    return figure;
  };
  const clear = (/** @type {HTMLElement} */ part) => {
    for (const { src } of part.querySelectorAll("img")) URL.revokeObjectURL(src);
    part.replaceChildren();
  };
  const close = () => {
    card.hidden = true;
    clear(card);
  };
  return {
    showHover(picture, x, y) {
      clear(hover);
      hover.hidden = false;
      addPicture(hover, picture);
      const gapPx = 14;
      const [width, height] = [stage.clientWidth, stage.clientHeight];
      const [isLeft, isAbove] = [x > width / 2, y > height / 2];
      hover.style.right = isLeft ? `${width - x + gapPx}px` : "auto";
      hover.style.left = isLeft ? "auto" : `${x + gapPx}px`;
      hover.style.bottom = isAbove ? `${height - y + gapPx}px` : "auto";
      hover.style.top = isAbove ? "auto" : `${y + gapPx}px`;
    },
    hideHover() {
      hover.hidden = true;
    },
    waits(words) {
      close();
      card.hidden = false;
      make("p", "waits", card, words);
    },
    showNearest([own, ...near]) {
      close();
      card.hidden = false;
      const end = /** @type {HTMLButtonElement} */ (make("button", "close", card, "×"));
      end.title = "Close";
      end.setAttribute("aria-label", "Close");
      end.onclick = () => {
        close();
        closed();
      };
      addPicture(card, own);
      make("div", "path", card, own.path);
      make(
        "b",
        "heading",
        card,
        near.length > 0 ? "Nearest images of the index" : "The index holds no other image.",
      );
      const grid = make("div", "grid", card);
      for (const picture of near) {
        const figure = addPicture(grid, picture);
        figure.title = picture.point < 0 ? `${picture.path} (not among the drawn points)` : picture.path;
        if (picture.point < 0) continue;
        figure.tabIndex = 0;
        figure.setAttribute("role", "button");
        figure.onclick = () => open(picture.point);
        figure.onkeydown = ({ key }) => (key === "Enter" ? open(picture.point) : undefined);
      }
    },
    close,
    dispose() {
      clear(card);
      clear(hover);
    },
  };
}
