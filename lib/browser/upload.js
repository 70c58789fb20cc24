// The page's side of an upload (an anywidget): files chosen or dropped go to the kernel in pieces, one after the other.

/**
 * The part of anywidget's model that is used here.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(content: object, callbacks?: object, buffers?: ArrayBuffer[]) => void} send
 * @property {(event: string, handler: (...args: any[]) => void) => void} on
 * @property {(event: string, handler: (...args: any[]) => void) => void} off
 */

/**
 * Returns the widget.
 * @returns {{ render(context: { model: Model, el: HTMLElement }): () => void }}
 */
export default function upload() {
  const pieceBytes = 1 << 20;

  /** Adds the files of a dropped entry, with their paths. */
  const addFiles = async (/** @type {any} */ entry, /** @type {{ path: string, file: File }[]} */ files) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      files.push({ path: entry.fullPath.replace(/^\//, ""), file });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const one of some) await addFiles(one, files);
    }
  };

  /** Leaves out the name of one folder around class folders. */
  const unwrapped = (/** @type {{ path: string, file: File }[]} */ files) => {
    const parts = files.map(({ path }) => path.split("/"));
    const isOne = new Set(parts.map(([first]) => first)).size === 1 && parts.some(({ length }) => length > 2);
    return isOne ? files.map(({ file }, i) => ({ file, path: parts[i].slice(1).join("/") })) : files;
  };

  return {
    render({ model, el }) {
      el.innerHTML = `
        <div class="guie-upload" style="border: 2px dashed rgba(128, 128, 128, .5); border-radius: 8px; padding: 14px; max-width: 640px">
          <button class="jupyter-button files">Choose photos</button>
          <button class="jupyter-button folder">Choose a folder</button>
          <span style="opacity: .75">or drop them here</span>
          <input type="file" class="files" multiple hidden><input type="file" class="folder" webkitdirectory hidden>
          <div class="bar" style="height: 6px; border-radius: 3px; margin: 10px 0 4px; background: rgba(128, 128, 128, .25)"><div style="height: 6px; border-radius: 3px; width: 0; background: #4c78a8"></div></div>
          <div class="status" role="status"></div>
          <details hidden><summary></summary><ul></ul></details>
        </div>`;
      const find = (/** @type {string} */ name) => /** @type {any} */ (el.querySelector(name));
      const [zone, bar, status] = [find(".guie-upload"), find(".bar > div"), find(".status")];
      const id = crypto.randomUUID();
      /** @type {((answer: any) => void) | undefined} */
      let receive;
      const answered = (/** @type {any} */ answer) => {
        if (answer.upload === id) receive?.(answer);
      };
      const ask = (/** @type {object} */ content, /** @type {ArrayBuffer[]} */ buffers = []) =>
        new Promise((resolve) => {
          receive = resolve;
          model.send({ upload: id, ...content }, undefined, buffers);
        });
      const tell = () => {
        if (!sending) status.textContent = model.get("summary");
        const refused = model.get("refused");
        find("details").hidden = refused.length === 0;
        find("summary").textContent = `${refused.length} left out`;
        find("ul").replaceChildren(
          ...refused.map((/** @type {string} */ words) =>
            Object.assign(document.createElement("li"), { textContent: words }),
          ),
        );
      };
      let sending = false;
      const sendAll = async (/** @type {{ path: string, file: File }[]} */ given) => {
        if (sending || given.length === 0) return;
        sending = true;
        const files = unwrapped(given);
        const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
        let sent = 0;
        for (const [i, { path, file }] of files.entries()) {
          let answer = await ask({ kind: "file", path, bytes: file.size });
          for (let start = 0; answer.kind === "send" && start < file.size; start += pieceBytes) {
            const piece = await file.slice(start, start + pieceBytes).arrayBuffer();
            answer = await ask({ kind: "piece" }, [piece]);
            bar.style.width = `${(100 * (sent + start + piece.byteLength)) / Math.max(1, bytes)}%`;
          }
          sent += file.size;
          status.textContent = `${i + 1} of ${files.length} files, ${(sent / 1e6).toFixed(1)} of ${(bytes / 1e6).toFixed(1)} MB`;
        }
        await ask({ kind: "end" });
        sending = false;
        bar.style.width = "100%";
        tell();
      };
      for (const kind of ["files", "folder"]) {
        const input = find(`input.${kind}`);
        find(`button.${kind}`).onclick = () => input.click();
        input.onchange = () => {
          const files = [...input.files].map((file) => ({
            file,
            path: file.webkitRelativePath || file.name,
          }));
          void sendAll(files);
          input.value = "";
        };
      }
      // JupyterLab's own drop would put the files into its file list.
      for (const event of ["dragenter", "dragover", "drop"])
        zone.addEventListener(event, (/** @type {Event} */ dropped) => {
          dropped.preventDefault();
          dropped.stopPropagation();
        });
      zone.addEventListener("drop", async (/** @type {DragEvent} */ event) => {
        const transfer = /** @type {DataTransfer} */ (event.dataTransfer);
        const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
        /** @type {{ path: string, file: File }[]} */
        const files = entries.some(Boolean)
          ? []
          : [...transfer.files].map((file) => ({ file, path: file.name }));
        for (const entry of entries) if (entry) await addFiles(entry, files);
        await sendAll(files);
      });
      model.on("msg:custom", answered);
      model.on("change:summary", tell);
      model.on("change:refused", tell);
      tell();
      return () => {
        model.off("msg:custom", answered);
        model.off("change:summary", tell);
        model.off("change:refused", tell);
      };
    },
  };
}
