// Photos come in through the page: a widget that writes what a person drops into a folder of the project.
import { join } from "node:path";
import { browserFile } from "../../common/browser_files";
import { messageOf, UserError } from "../../common/errors";
import { isImageName } from "../../common/files/image_folder";
import { escapeHtml } from "../../common/html";
import { projectPath } from "../../common/project";
import { checkedEntryPath } from "../../datasets/archives/entry_path";
import { Refusal } from "../../datasets/archives/refusal";
import { latest } from "./latest";
import { widget } from "./own";
import { ReceivedFile } from "./received_file";
import { errorReporter, type Widget } from "./widget";

/** Where an upload goes, and its limits. */
export interface UploadOptions {
  /** Files go to data/uploads/<name>. Default: "photos". */
  name?: string;
  /** Another folder, below the project or absolute. */
  folder?: string;
  /** Largest file. Default 100. */
  maxFileMB?: number;
  /** Most of all files together, since the cell ran. Default 5,000. */
  maxTotalMB?: number;
}

/** A place to drop photos. */
export interface Upload extends Widget {
  /** The folder that they go to. */
  readonly folder: string;
  /** What has come since the cell ran, as paths below the folder. */
  readonly files: readonly string[];
  /** Calls `handler` with these after each drop. */
  onUpload(handler: (files: readonly string[]) => unknown): () => void;
}

type Message =
  | { upload: string; kind: "file"; path: string; bytes: number }
  | { upload: string; kind: "piece" }
  | { upload: string; kind: "end" };

const TABLE_NAME = /\.(csv|tsv|json|jsonl|parquet|txt)$/i;
const MB = 2 ** 20;
/** Refusals that are shown. */
const MOST_REFUSED = 200;

/**
 * Returns a place to drop photos, class folders or tables. Files come in pieces of 1 MB, each is written under a temporary
 * name and renamed when it is whole. A file that is there with other content is not replaced.
 * @throws UserError for a name with a path in it
 * @example
 * const photos = upload({ name: "shop" });
 * await show(photos); // drop them, then read photos.folder
 */
export function upload(options: UploadOptions = {}): Upload {
  const { name = "photos", maxFileMB = 100, maxTotalMB = 5_000 } = options;
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(name))
    throw new UserError(
      `"${name}" is no name of an upload.`,
      "Use letters, digits, spaces, dots, - and _; or give a folder.",
    );
  const given = options.folder ?? join("data", "uploads", name);
  const folder = projectPath(given);
  const files = new Set<string>();
  const refused: string[] = [];
  const receiving = new Map<string, ReceivedFile>();
  const handlers = new Set<(files: readonly string[]) => Promise<void>>();
  let bytes = 0;
  const page = widget({
    esm: browserFile("upload.js"),
    state: { summary: `Files go to ${given}.`, refused: [] as string[] },
    still: ({ summary }) => {
      const text = `A place to drop photos. ${summary}`;
      return { html: `<div>${escapeHtml(text)}</div>`, text };
    },
  });
  const tell = () =>
    page.set({ summary: `${files.size} files in ${given}.`, refused: refused.slice(0, MOST_REFUSED) });

  const begin = (path: string, size: number): ReceivedFile => {
    const checked = checkedEntryPath(path.normalize("NFC"));
    if (!isImageName(checked) && !TABLE_NAME.test(checked)) throw new Refusal("it is no image and no table");
    if (size > maxFileMB * MB)
      throw new Refusal(`it has ${Math.ceil(size / MB)} MB; the limit is ${maxFileMB}`);
    if (bytes + size > maxTotalMB * MB)
      throw new Refusal(`all files together have more than ${maxTotalMB} MB`);
    return new ReceivedFile(folder, checked, size);
  };

  /** Returns the answer to the page. */
  const answer = async (message: Message, piece: Uint8Array | undefined): Promise<object> => {
    const { upload: id } = message;
    if (message.kind === "end") {
      tell();
      await Promise.all([...handlers].map((handler) => handler([...files])));
      return { kind: "ended" };
    }
    const file = message.kind === "file" ? begin(message.path, message.bytes) : receiving.get(id);
    if (!file) throw new Refusal("it was not begun");
    receiving.set(id, file);
    if (piece) file.add(piece);
    if (!file.isWhole) return { kind: "send" };
    receiving.delete(id);
    await file.put();
    files.add(file.path);
    bytes += file.bytes;
    return { kind: "done" };
  };
  page.onMessage(async (content, [piece]) => {
    const message = content as Message;
    try {
      page.send({ upload: message.upload, ...(await answer(message, piece)) });
    } catch (error) {
      const path = message.kind === "file" ? message.path : (receiving.get(message.upload)?.path ?? "");
      receiving.get(message.upload)?.drop();
      receiving.delete(message.upload);
      refused.push(`${path}: ${messageOf(error)}`);
      page.send({ upload: message.upload, kind: "refused" });
    }
  });
  const report = errorReporter(page);
  return Object.defineProperties(page as unknown as Upload, {
    folder: { value: folder },
    files: { get: () => [...files] },
    onUpload: {
      value: (handler: (files: readonly string[]) => unknown) => {
        const call = latest(handler, report);
        handlers.add(call);
        return () => handlers.delete(call);
      },
    },
  });
}
