// The pictures of a grid: a click enlarges one, the next click (or Escape) closes it.

/**
 * Enlarges the pictures of an element on a click.
 * @param {HTMLElement} around
 * @param {{ sides: number }} page enlargement relative to the grid
 */
export default function zoom(around, { sides }) {
  for (const picture of around.querySelectorAll("img")) {
    picture.style.cursor = "zoom-in";
    picture.onclick = () => {
      const dialog = document.body.appendChild(document.createElement("dialog"));
      const large = dialog.appendChild(document.createElement("img"));
      const [width, height] = [sides * picture.width, sides * picture.height];
      large.src = picture.src;
      large.style.cssText = `width: min(${width}px, 90vw, 80vh * ${width / height}); display: block; border-radius: 4px`;
      const caption = dialog.appendChild(document.createElement("p"));
      caption.textContent = picture.parentElement?.textContent ?? "";
      caption.style.cssText = "margin: 10px 0 0; text-align: center; font: 15px sans-serif";
      dialog.style.cssText =
        "margin: auto; padding: 14px; border: none; border-radius: 8px; background: #fff; color: #222; cursor: zoom-out; box-shadow: 0 8px 40px rgba(0, 0, 0, .5)";
      dialog.onclick = () => dialog.close();
      dialog.onclose = () => dialog.remove();
      dialog.showModal();
    };
  }
}
