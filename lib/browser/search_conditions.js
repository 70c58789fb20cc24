// The conditions on the page of `guie serve` that found images must meet.

/**
 * Returns the part of the page that asks for conditions.
 * @param {() => void} onChange called when the conditions have changed
 * @returns {{ offer(columns: string[]): void, typed(): string[] }} `offer` shows the box if there are columns
 */
export default function searchConditions(onChange) {
  const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const box = /** @type {HTMLInputElement} */ (get("only"));
  const columnList = /** @type {HTMLDataListElement} */ (get("columns"));
  /** The columns that are offered now. */
  let offered = "";

  box.onchange = onChange;
  return {
    offer(columns) {
      get("filter").hidden = columns.length === 0;
      if (columns.join() === offered) return;
      offered = columns.join();
      columnList.replaceChildren(
        ...columns.map((column) => {
          const option = document.createElement("option");
          option.value = `${column}=`;
          return option;
        }),
      );
    },
    typed: () =>
      box.value
        .split(";")
        .map((text) => text.trim())
        .filter((text) => text !== ""),
  };
}
