// The rectangle on the query's picture: drawn with the pointer, or moved and resized with the keyboard.

/**
 * A part of a picture in shares of its width and height, 0..1.
 * @typedef {{ left: number, top: number, right: number, bottom: number }} Part
 */

/**
 * Lets a person draw a rectangle over a picture.
 * @param {HTMLElement} frame the element that the picture fills: it takes the focus and holds the rectangle
 * @param {HTMLImageElement} picture
 * @param {(part: Part | null) => void} onChange receives a rectangle that was drawn or moved, null if it was cleared
 * @returns {{ show(part: Part | null): void, start(): void, clear(): void }} `start` takes the middle of the picture
 */
export default function searchRectangle(frame, picture, onChange) {
  const [leastPx, clickPx, step] = [8, 4, 0.02];
  const box = document.createElement("div");
  box.className = "rectangle";
  box.hidden = true;
  frame.append(box);
  /** @type {Part | null} */
  let part = null;
  /** Where a drag began, and the rectangle before it. @type {{ x: number, y: number, before: Part | null } | undefined} */
  let drag;

  const clamp = (/** @type {number} */ value, low = 0, high = 1) => Math.min(Math.max(value, low), high);
  /** The shortest sides: the service takes no fewer pixels. */
  const least = () => ({
    width: Math.min(1, (leastPx + 1) / picture.naturalWidth),
    height: Math.min(1, (leastPx + 1) / picture.naturalHeight),
  });

  const show = (/** @type {Part | null} */ next) => {
    part = next;
    box.hidden = !part;
    if (!part) return;
    const percent = (/** @type {number} */ share) => `${100 * share}%`;
    [box.style.left, box.style.top] = [percent(part.left), percent(part.top)];
    [box.style.width, box.style.height] = [percent(part.right - part.left), percent(part.bottom - part.top)];
  };

  const change = (/** @type {Part | null} */ next) => {
    show(next);
    onChange(next);
  };

  const clear = () => {
    if (!part) return;
    drag = undefined;
    change(null);
  };

  const start = () => {
    change({ left: 0.25, top: 0.25, right: 0.75, bottom: 0.75 });
    frame.focus();
  };

  const placeOf = (/** @type {PointerEvent} */ { clientX, clientY }) => {
    const { left, top, width, height } = frame.getBoundingClientRect();
    return { x: clamp((clientX - left) / width), y: clamp((clientY - top) / height) };
  };

  frame.onpointerdown = (event) => {
    if (event.button !== 0 || picture.naturalWidth === 0) return;
    drag = { ...placeOf(event), before: part };
    frame.setPointerCapture(event.pointerId);
  };
  frame.onpointermove = (event) => {
    if (!drag) return;
    const { x, y } = placeOf(event);
    const isClick = Math.hypot((x - drag.x) * frame.clientWidth, (y - drag.y) * frame.clientHeight) < clickPx;
    if (isClick && part === drag.before) return;
    const [left, right] = [Math.min(x, drag.x), Math.max(x, drag.x)];
    const [top, bottom] = [Math.min(y, drag.y), Math.max(y, drag.y)];
    show({ left, top, right, bottom });
  };
  frame.onpointerup = () => {
    if (!drag) return;
    const { before } = drag;
    drag = undefined;
    if (!part || part === before) return;
    const { width, height } = least();
    if (part.right - part.left < width || part.bottom - part.top < height) show(before);
    else onChange(part);
  };
  frame.onpointercancel = () => {
    if (drag) show(drag.before);
    drag = undefined;
  };

  /** Moves the rectangle, or its right and lower sides, within the picture. */
  const move = (
    /** @type {Part} */ now,
    /** @type {number} */ x,
    /** @type {number} */ y,
    isResize = false,
  ) => {
    const { width, height } = least();
    if (isResize)
      return {
        ...now,
        right: clamp(now.right + x, now.left + width, 1),
        bottom: clamp(now.bottom + y, now.top + height, 1),
      };
    const [right, down] = [clamp(x, -now.left, 1 - now.right), clamp(y, -now.top, 1 - now.bottom)];
    const [left, top] = [clamp(now.left + right), clamp(now.top + down)];
    return { left, top, right: clamp(now.right + right), bottom: clamp(now.bottom + down) };
  };

  /** @type {Record<string, [number, number]>} */
  const arrows = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  frame.onkeydown = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const by = arrows[event.key];
    if (event.key === "Enter" && !part) start();
    else if (part && by) change(move(part, by[0], by[1], event.shiftKey));
    else return;
    event.preventDefault();
  };

  return { show, start, clear };
}
