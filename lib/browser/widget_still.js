// The still picture of a widget: shown where JupyterLab has no model for the output before it.

/**
 * Shows the picture while the output before this one shows no living widget, and hides that output meanwhile.
 * @param {HTMLElement} around
 * @param {{ still: string }} page
 */
export default function widgetStill(around, { still }) {
  const own = around.closest(".jp-OutputArea-child");
  const view = own?.previousElementSibling;
  if (!(own instanceof HTMLElement) || !(view instanceof HTMLElement)) return;
  const picture = around.appendChild(document.createElement("div"));
  const needsPicture = () => {
    const widget = view.querySelector(".widget-box");
    return !widget || widget.classList.contains("jupyter-widgets-disconnected");
  };
  const look = () => {
    const needed = needsPicture();
    view.style.display = needed ? "none" : "";
    own.style.display = needed ? "" : "none";
    if (needed && picture.innerHTML === "") picture.innerHTML = still;
  };
  own.style.display = "none";
  // The page connects to the kernel and fetches the model meanwhile.
  const startMs = 1500;
  const changes = { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] };
  setTimeout(() => {
    look();
    new MutationObserver(look).observe(view, changes);
  }, startMs);
}
