// Fetches weights from the Hugging Face hub, or from the cache.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { getHFHubCachePath, type ListFileEntry, listFiles, modelInfo } from "@huggingface/hub";
import { UserError } from "../common/errors";
import { writeFileAtomically } from "../common/files/files";
import type { ProgressOptions } from "../common/progress";
import { isIndex, shardNames, WEIGHT_FILES } from "../formats/open_weights";
import { joinNames } from "../formats/tensor_file";
import { type HubAccess, HubUnreachable, hubAccess, hubError } from "./hub_access";
import { fetchHubFile } from "./hub_download";

/** Weights on the hub: `hub:owner/name`, `hub:owner/name@revision`, `hub:owner/name/file`, or with both. */
export interface HubSource {
  /** `owner/name`. */
  repo: string;
  /** A branch, tag or commit. */
  revision: string;
  /** A file of the repository; if omitted, the best of WEIGHT_FILES. */
  file?: string;
}

/** Fetched weights. */
export interface HubWeights {
  /** Path of the file in the cache, or of the index of several files. */
  path: string;
  /** Exact origin, for a file's metadata. */
  metadata: Record<string, string>;
}

const PREFIX = "hub:";
const MAIN = "main";

/**
 * Parses a text like `hub:owner/name@revision/file`; returns undefined if it does not begin with `hub:`.
 * @throws UserError if it begins with `hub:` but has another form
 */
export function parseHubSource(text: string): HubSource | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const match = /^hub:(\w[\w.-]*\/\w[\w.-]*)(?:@(\w[\w.-]*))?(?:\/(.+))?$/.exec(text);
  const [, repo, revision = MAIN, file] = match ?? [];
  if (repo) return file ? { repo, revision, file } : { repo, revision };
  throw new UserError(
    `Expected hub:owner/name, hub:owner/name@revision or hub:owner/name/file, got ${text}.`,
    "For example: --from hub:laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
  );
}

/** Returns the text that `parseHubSource` parses. */
export function formatHubSource({ repo, revision, file }: HubSource): string {
  return `${PREFIX}${repo}${revision === MAIN ? "" : `@${revision}`}${file ? `/${file}` : ""}`;
}

/**
 * Fetches weights into the cache that Hugging Face's libraries share (HF_HOME, HF_HUB_CACHE). Files that are in the
 * cache are used from there, also if the hub is unreachable. Only files of weights are fetched, and no code in them is
 * run.
 * @throws UserError if the hub cannot be reached, has no such weights, or sends other bytes than it announced
 */
export async function fetchFromHub(source: HubSource, options: ProgressOptions = {}): Promise<HubWeights> {
  const folder = join(getHFHubCachePath(), `models--${source.repo.replace("/", "--")}`);
  try {
    return await fetchListed(source, folder, options);
  } catch (error) {
    const cached = error instanceof HubUnreachable ? findCached(source, folder) : undefined;
    if (cached) return cached;
    throw error;
  }
}

async function fetchListed(source: HubSource, folder: string, options: ProgressOptions): Promise<HubWeights> {
  const access = hubAccess();
  const { repo, revision } = source;
  const { commit, entries } = await listRepository(access, source);
  const fetchEntry = (entry: ListFileEntry) => fetchHubFile(access, { repo, commit, folder }, entry, options);
  const entry = chooseFile(source, entries);
  const path = await fetchEntry(entry);
  if (isIndex(path)) {
    const below = entry.path.slice(0, entry.path.lastIndexOf("/") + 1);
    for (const name of shardNames(path)) await fetchEntry(findEntry(repo, entries, below + name));
  }
  if (revision !== commit) writeFileAtomically(join(folder, "refs", revision), commit);
  return describe(source, commit, entry.path, path);
}

/** Finds complete weights in the cache, from us or from Hugging Face's libraries, with all parts of an index. */
function findCached(source: HubSource, folder: string): HubWeights | undefined {
  const { revision, file } = source;
  const ref = join(folder, "refs", revision);
  const commit = existsSync(ref) ? readFileSync(ref, "utf8").trim() : revision;
  const pathOf = (name: string) => join(folder, "snapshots", commit, name);
  const name = (file ? [file] : WEIGHT_FILES).find((name) => existsSync(pathOf(name)));
  if (!name) return undefined;
  const path = pathOf(name);
  const parts = isIndex(path) ? shardNames(path) : [];
  const isWhole = parts.every((part) => existsSync(join(dirname(path), part)));
  return isWhole ? describe(source, commit, name, path) : undefined;
}

/** Describes a file of the cache, a link to a file that is named by its hash. */
function describe(source: HubSource, commit: string, file: string, path: string): HubWeights {
  const metadata = {
    origin: formatHubSource(source),
    origin_commit: commit,
    origin_file: file,
    origin_hash: basename(realpathSync(path)),
  };
  return { path, metadata };
}

/** Returns the commit of a revision, and the files of that commit by path. */
async function listRepository(
  access: HubAccess,
  { repo, revision }: HubSource,
): Promise<{ commit: string; entries: Map<string, ListFileEntry> }> {
  try {
    const { sha } = await modelInfo({ ...access, name: repo, revision, additionalFields: ["sha"] });
    if (!/^[0-9a-f]{40}$/.test(sha)) throw new UserError(`${repo}: ${JSON.stringify(sha)} is no commit.`);
    const entries = new Map<string, ListFileEntry>();
    for await (const entry of listFiles({ ...access, repo, revision: sha, recursive: true })) {
      if (entry.type === "file") entries.set(entry.path, entry);
    }
    return { commit: sha, entries };
  } catch (error) {
    throw hubError(access, repo, error);
  }
}

function chooseFile({ repo, file }: HubSource, entries: ReadonlyMap<string, ListFileEntry>): ListFileEntry {
  if (file !== undefined) return findEntry(repo, entries, file);
  const best = WEIGHT_FILES.find((name) => entries.has(name));
  if (best) return entries.get(best)!;
  throw new UserError(
    `${repo} has none of the files ${WEIGHT_FILES.join(", ")}; it has ${joinNames([...entries.keys()])}.`,
    `Name the file: --from hub:${repo}/FILE.`,
  );
}

function findEntry(repo: string, entries: ReadonlyMap<string, ListFileEntry>, path: string): ListFileEntry {
  const entry = entries.get(path);
  if (entry) return entry;
  throw new UserError(`${repo} has no file ${path}; it has ${joinNames([...entries.keys()])}.`);
}
