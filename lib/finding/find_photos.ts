// Finds the photos that are nearest to other photos. Shapes: Q queries, N photos, F numbers per photo.
import { basename, join, resolve } from "node:path";
import { UserError } from "../common/errors";
import type { LeftOut } from "../common/files/image_folder";
import { pickLabels } from "../common/labels";
import type { TaskOptions } from "../common/progress";
import type { Texts } from "../common/texts";
import { joinRows, rowOf, type Vectors } from "../common/vectors";
import { embedPhotos, type PhotoEmbedder, type PhotoVectors } from "../features/embed_photos";
import type { Features } from "../features/feature_files";
import type { ViewOptions } from "../features/features";
import type { ImageList } from "../features/image_list";
import type { UnusableImage } from "../images/loading/pixel_loader";
import { type Condition, conditionText, matchingRows } from "../index_folder/where";
import { type RerankName, rerankedSearch, withWhitening } from "../retrieval/reranking/methods";
import {
  type HitJudge,
  type HitVerdict,
  hitJudge,
  judgedIndex,
  photosHome,
  photosIdentity,
  readVerdict,
  type VerdictState,
} from "./kept_verdict";

/** Images to search with, and the name under which a person gave them. */
export interface QueryList {
  name: string;
  list: ImageList;
}

/** Where the verdict of photos is kept. */
export interface JudgedBy {
  /** Absolute path of the photos. */
  source: string;
  /** The command that makes their verdict. */
  command: string;
  /** Folder and identity of their vectors, if an index holds them. */
  features?: Pick<Features, "folder" | "identity" | "content"> | undefined;
}

/**
 * Options of `findPhotos`; `views` are those of the queries, the photos' vectors stay as they are. A verdict's rate was
 * measured with whole images: with other views none is looked for.
 */
export interface FindOptions extends TaskOptions, ViewOptions {
  /** Most hits per query, from 1. */
  k: number;
  /** True to whiten photos and queries by the photos' own vectors. */
  whiten: boolean;
  /** Methods for better neighbours from the same vectors. Default: none. */
  rerank?: readonly RerankName[];
  /** Default: no verdict is looked for. */
  judgedBy?: JudgedBy | undefined;
  /** Names of the classes by label; default: those that the photos come with. */
  classNames?: ReadonlyMap<number, string> | undefined;
  /** The vectors of the photos, if an index holds them. Default: they are embedded. */
  vectors?: PhotoVectors | undefined;
  /** Conditions that the photos to search meet. Default: none. */
  where?: readonly Condition[];
}

/** A photo that was found. */
export interface Hit {
  /** From 1. */
  rank: number;
  /** Cosine similarity, -1..1. */
  score: number;
  /** The photo's path below the folder of the photos. */
  file: string;
  /** Absolute. */
  path: string;
  /** Name of its class, or "class 3"; null if the photos have no classes. */
  class: string | null;
  /** Whether it shows the same object; null if the photos have no verdict. */
  verdict: HitVerdict | null;
}

/** A query and what was found. */
export interface QueryHits {
  /** The query as a person named it. */
  query: string;
  /** Absolute. */
  path: string;
  hits: Hit[];
  /** Photos that are the query itself, by their path or their bytes: they are left out of the hits. */
  itself: string[];
}

/** The result of `findPhotos`. */
export interface Finding {
  results: QueryHits[];
  /** Queries that cannot be read. */
  unreadable: UnusableImage[];
  /** The photos that were searched. */
  photos: {
    searched: number;
    /** Photos that were embedded by this search; the vectors of the others were kept. */
    embedded: number;
    /** Files that are left out: no images, and photos that cannot be read. */
    leftOut: LeftOut[];
  };
  /** Numbers per whitened vector; null if the model's own vectors were searched. */
  whitened: number | null;
  /** The verdict of the photos, or why there is none; null if none was looked for. */
  verdict: VerdictState | null;
}

/**
 * Finds the nearest photos of each query by cosine, exactly. Vectors are kept as `embedPhotos` keeps them. A query that
 * is one of the photos does not find itself.
 * @throws UserError if none of the photos, or none of the queries, can be read
 */
export async function findPhotos(
  embedder: PhotoEmbedder,
  queries: readonly QueryList[],
  photos: ImageList,
  {
    k,
    whiten,
    rerank = [],
    judgedBy,
    classNames,
    vectors,
    where = [],
    views = "whole",
    ...options
  }: FindOptions,
): Promise<Finding> {
  const asked = await embedQueries(embedder, queries, { views, ...options });
  const index = vectors ?? (await embedPhotos(embedder, photos, options));
  if (index.files.length === 0) throw noneReadable("photos", index.skipped);
  const only = where.length > 0 ? searchedRows(photos, index, where, classNames) : undefined;
  const { search, whitening } = await rerankedSearch(index.vectors, withWhitening(rerank, whiten), only);
  const state = judgedBy && views === "whole" ? stateOf(embedder, photos, index, judgedBy) : null;
  const judge: HitJudge | undefined =
    state && "verdict" in state ? await hitJudge(state.verdict, index.vectors, { whitening }) : undefined;
  const places = placesOf(index.contents);
  const classes = classesOf(photos, classNames);
  const own = asked.queries.map(({ path, content }) =>
    (places.get(content) ?? []).concat(
      index.files.flatMap((file, row) => (resolve(photos.folder, file) === path ? row : [])),
    ),
  );
  const searched = only?.length ?? index.files.length;
  const most = Math.min(searched, k + Math.max(...own.map((rows) => rows.length)));
  const { positions, cosines } = await search(asked.vectors, most);
  const results = asked.queries.map(({ query, path }, i) => {
    const left = new Set(own[i]);
    const ranked = Array.from(positions[i]!, (row, at) => ({ row, score: cosines[i]![at]! }));
    const others = ranked.filter(({ row }) => !left.has(row)).slice(0, k);
    const verdicts = judge?.(
      rowOf(asked.vectors, i),
      others.map(({ row }) => row),
    );
    const hits = others.map(({ row, score }, at) => {
      const file = index.files[row]!;
      return {
        rank: at + 1,
        score,
        file,
        path: resolve(photos.folder, file),
        class: classes(index.places[row]!),
        verdict: verdicts?.[at] ?? null,
      };
    });
    return { query, path, hits, itself: Array.from(left, (row) => index.files[row]!) };
  });
  const { embedded, skipped } = index;
  return {
    results,
    unreadable: asked.unreadable,
    photos: { searched, embedded, leftOut: [...photos.leftOut, ...skipped] },
    whitened: whitening?.to ?? null,
    verdict: state,
  };
}

/** Returns the verdict of the photos, or why there is none. */
function stateOf(
  { madeBy }: PhotoEmbedder,
  { rows: { labels } }: ImageList,
  { contents, places }: PhotoVectors,
  { source, command, features: given }: JudgedBy,
): VerdictState {
  const features = given ?? { folder: photosHome(source), identity: photosIdentity(madeBy, contents) };
  const judged = judgedIndex(features, madeBy, labels && pickLabels(labels, places));
  return readVerdict(judged, command);
}

/** Returns the rows that meet conditions. @throws UserError if there are none, or no such column */
function searchedRows(
  { rows: { labels, classNames, columns = new Map() } }: ImageList,
  { files, places }: PhotoVectors,
  where: readonly Condition[],
  given: FindOptions["classNames"],
): Int32Array {
  const texts = ([name, column]: [string, Texts]) =>
    [name, places.map((place) => column.at(place)!)] as const;
  const rows = {
    files,
    ...(labels ? { labels: pickLabels(labels, places) } : {}),
    columns: new Map(Array.from(columns, texts)),
    classNames: given ?? new Map(classNames?.entries()),
  };
  const found = matchingRows(rows, where);
  if (found.length > 0) return found;
  throw new UserError(
    `None of ${files.length} photos meets ${where.map(conditionText).join(", ")}.`,
    "Look at the spelling: names of classes and texts of columns must be the same, letter for letter.",
  );
}

/** Queries that can be read. */
interface AskedQueries {
  /** [Q, F]. */
  vectors: Vectors;
  queries: { query: string; path: string; content: string }[];
  unreadable: UnusableImage[];
}

/** Embeds queries. @throws UserError if none can be read */
export async function embedQueries(
  embedder: PhotoEmbedder,
  lists: readonly QueryList[],
  options: TaskOptions & ViewOptions,
): Promise<AskedQueries> {
  const parts: Vectors[] = [];
  const asked: Omit<AskedQueries, "vectors"> = { queries: [], unreadable: [] };
  for (const { name, list } of lists) {
    const { vectors, files, contents, skipped } = await embedPhotos(embedder, list, options);
    const nameOf = (file: string) => (basename(name) === file ? name : join(name, file));
    if (vectors.count > 0) parts.push(vectors);
    for (const [row, file] of files.entries())
      asked.queries.push({ query: nameOf(file), path: resolve(list.folder, file), content: contents[row]! });
    for (const { file, reason } of skipped) asked.unreadable.push({ file: nameOf(file), reason });
  }
  if (asked.queries.length === 0) throw noneReadable("queries", asked.unreadable);
  return { ...asked, vectors: joinRows(parts, parts[0]!.length) };
}

function noneReadable(what: string, skipped: readonly UnusableImage[]): UserError {
  const [first] = skipped;
  const told = first ? `; the first: ${first.file}: ${first.reason}` : "";
  return new UserError(
    `None of the ${what} can be read${told}.`,
    "Look at these files in a viewer, or name others.",
  );
}

/** Returns the rows of each content. */
function placesOf(contents: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [row, content] of contents.entries()) {
    const rows = places.get(content) ?? [];
    places.set(content, [...rows, row]);
  }
  return places;
}

/** Returns a function from a photo's place in the list to the name of its class. */
function classesOf(
  { rows: { labels, classNames } }: ImageList,
  given: ReadonlyMap<number, string> | undefined,
): (place: number) => string | null {
  const names = given ?? new Map(classNames?.entries());
  return (place) => {
    const label = labels?.[place];
    return label === undefined ? null : (names.get(label) ?? `class ${label}`);
  };
}
