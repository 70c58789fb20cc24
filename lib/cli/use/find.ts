// `guie find`: finds the photos of a folder that look most like other photos.

import { basename } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import { textTable } from "../../common/text_table";
import { counted } from "../../common/words";
import { dataFolder } from "../../config/paths";
import { preset } from "../../config/presets";
import { leftOutText } from "../../datasets/own/left_out";
import { sourcePath } from "../../datasets/own/read_own_images";
import type { Embedder } from "../../embedding/embedder";
import { findModel, MODEL_FORMS, openModel } from "../../embedding/find_model";
import { describeDevice } from "../../engine/native/device";
import { type Features, openFeatures } from "../../features/feature_files";
import { readImageList } from "../../features/image_list";
import { writeContactSheet } from "../../finding/contact_sheet";
import { type Finding, findPhotos, type QueryHits, type QueryList } from "../../finding/find_photos";
import { findStored } from "../../finding/find_stored";
import {
  hitText,
  isNothingAlike,
  judgeCommand,
  NOTHING_ALIKE,
  verdictText,
} from "../../finding/kept_verdict";
import { CODED, openCodedFolder } from "../../index_folder/coded_folder";
import { openIndexModel } from "../../index_folder/index_model";
import { type IndexPhotos, isIndexFolder, readIndexPhotos } from "../../index_folder/index_photos";
import { CONDITION_FORM, parseCondition } from "../../index_folder/where";
import { isMilvus, MILVUS_FORM } from "../../milvus/address";
import { IN_MILVUS, openMilvusIndex } from "../../milvus/search";
import { requirePlainSearch } from "../../retrieval/stored_index";
import { requireClassNames } from "../../serving/index_source";
import { SERVE_DEFAULTS } from "../../serving/serve";
import { addCodesFlag, type CodesFlag, codeBitsOf } from "../shared/codes_flag";
import { type CommandResult, setAction } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";
import { addRerankFlag, type SearchFlags, searchChoice } from "../shared/rerank_flag";
import { addSourceFlags, type SourceFlags, sourceSettings } from "../shared/source_flags";
import { addViewsFlag, QUERY_VIEWS, type ViewsFlag } from "../shared/views_flag";

interface FindCommandOptions extends SourceFlags, SearchFlags, ViewsFlag, CodesFlag {
  in: string;
  where?: string[];
  model?: string;
  configName: string;
  k: string;
  classNames?: string;
  html?: string;
}

/** Registers `guie find QUERY... --in PHOTOS`. */
export function registerFind(program: Command): void {
  const command = program
    .command("find")
    .argument(
      "<queries...>",
      "images to search with: files, folders, tables or lists, as guie embed takes them",
    )
    .description(
      "Find the photos that look most like other photos. Photos need no labels, and each is embedded once; a query that " +
        "is among the photos does not find itself.",
    )
    .requiredOption(
      "--in <photos>",
      `photos to search: a folder, an archive of one, a table or a list; or an index (guie embed --out, guie index), also ${MILVUS_FORM}`,
    )
    .option(
      "--where <condition...>",
      `search only photos that meet all conditions: ${CONDITION_FORM}, such as class=apple`,
    )
    .option("-k <n>", "most photos to find per query", "5")
    .option("--model <model>", `model that embeds: ${MODEL_FORMS} (default: the preset's backbone)`)
    .option(
      "--config-name <preset>",
      "preset of the default backbone and its settings",
      SERVE_DEFAULTS.configName,
    )
    .option("--whiten", "whiten by the photos' own vectors (default: for a backbone and 16 photos or more)")
    .option("--no-whiten", "search the model's own vectors")
    .option("--class-names <csv>", "CSV with names of the photos' classes: labels,class_name")
    .option("--html <file>", "write a contact sheet: one page with small copies of the pictures");
  addSourceFlags(command);
  addRerankFlag(command);
  addViewsFlag(command, QUERY_VIEWS);
  addCodesFlag(command);
  setAction<FindCommandOptions>(command, find);
}

async function find(options: FindCommandOptions, words: readonly string[]): Promise<CommandResult> {
  const k = wholeNumberOf("-k", options.k, 1);
  const isPlain = isMilvus(options.in) || options.codeBits !== undefined;
  const index = isPlain ? undefined : await indexOf(options);
  const { embedder, isBackbone } = await modelOf(options, featuresOf(options, index));
  try {
    const dataDir = dataFolder(embedder.config);
    const queries: QueryList[] = [];
    for (const name of words) queries.push({ name, list: await readImageList(sourcePath(name), dataDir) });
    const search = isPlain ? searchStored : searchPhotos;
    const finding = await search(options, embedder, queries, { k, isBackbone, index });
    const about = aboutText(finding, options);
    const sheet = options.html === undefined ? undefined : projectPath(options.html);
    if (sheet !== undefined) await writeContactSheet(sheet, finding.results, about);
    return {
      text: textOf(finding, k, about, sheet),
      summary: { ...finding, html: sheet ?? null },
      failure: failureOf(finding),
    };
  } finally {
    embedder.dispose();
  }
}

/** Reads the index that `--in` names; undefined if it names photos. */
async function indexOf(options: FindCommandOptions): Promise<IndexPhotos | undefined> {
  const path = sourcePath(options.in);
  if (!isIndexFolder(path)) return undefined;
  if (Object.keys(sourceSettings(options)).length > 0)
    throw new UserError(
      `Columns, a root, a class level or a pattern are for photos: ${options.in} is an index.`,
      "Leave them out.",
    );
  return readIndexPhotos(path);
}

type Search = (
  options: FindCommandOptions,
  embedder: Embedder,
  queries: readonly QueryList[],
  how: { k: number; isBackbone: boolean; index: IndexPhotos | undefined },
) => Promise<Finding>;

const searchPhotos: Search = async (options, embedder, queries, { k, isBackbone, index }) => {
  const source = sourcePath(options.in);
  const where = (options.where ?? []).map(parseCondition);
  const dataDir = dataFolder(embedder.config);
  const photos = index?.list ?? (await readImageList(source, dataDir, sourceSettings(options)));
  const classNames = options.classNames ? await requireClassNames(options.classNames) : index?.classNames;
  for (const sentence of photos.said ?? []) process.stderr.write(`${sentence}\n`);
  process.stderr.write(`${describeDevice()}\n`);
  const { whiten = isBackbone, rerank } = searchChoice(options);
  const command = judgeCommand(options.model, options.in);
  const judgedBy = { source, command, features: index?.features };
  const onProgress = terminalProgress();
  const { views } = options;
  const how = { k, whiten, rerank, judgedBy, classNames, vectors: index?.vectors, where, views, onProgress };
  return findPhotos(embedder, queries, photos, how);
};

const searchStored: Search = async (options, embedder, queries, { k }) => {
  const { in: source, classNames, where, views } = options;
  const bits = codeBitsOf(options);
  const wishes = { ...searchChoice(options), where, classNames, source: sourceSettings(options) };
  requirePlainSearch(wishes, isMilvus(source) ? IN_MILVUS : CODED);
  process.stderr.write(`${describeDevice()}\n`);
  const index = isMilvus(source)
    ? await openMilvusIndex(source, embedder.madeBy, options.model ?? embedder.config.tower)
    : await openCodedFolder(sourcePath(source), bits!);
  return findStored(embedder, queries, index, { k, views, onProgress: terminalProgress() });
};

/** Returns the features of the index that `--in` names; undefined for photos and a server. */
function featuresOf(
  { in: source, codeBits }: FindCommandOptions,
  index: IndexPhotos | undefined,
): Features | undefined {
  if (index) return index.features;
  if (isMilvus(source)) {
    if (codeBits === undefined) return undefined;
    throw new UserError("--code-bits is for a folder of features: a server keeps the rows.", "Leave it out.");
  }
  const path = sourcePath(source);
  return isIndexFolder(path) ? openFeatures(path) : undefined;
}

/** Opens the model: the named one, that of the index, or the preset's backbone. */
async function modelOf(
  { model, configName }: FindCommandOptions,
  features: Features | undefined,
): Promise<{ embedder: Embedder; isBackbone: boolean }> {
  const config = preset(configName, "frozen");
  const onProgress = terminalProgress();
  if (features) {
    const { madeBy } = features;
    const isBackbone = madeBy.run === undefined && madeBy.transform === undefined;
    return { embedder: await openIndexModel(features, { model, config, onProgress }), isBackbone };
  }
  const found = await findModel(model, config, { onProgress });
  return { embedder: openModel(found), isBackbone: found.kind === "backbone" };
}

const number = (value: number) => value.toLocaleString("en-US");
/** Returns the line about photos and vectors. */
function aboutText(
  { photos, whitened }: Finding,
  { in: source, whiten, rerank, views, codeBits }: FindCommandOptions,
): string {
  const { searched, embedded } = photos;
  const parts = [`${counted(searched, "photo")} of ${basename(source)}, ${number(embedded)} embedded now`];
  if (whitened !== null) parts.push("whitened by their own vectors (--no-whiten: the model's own)");
  else if (whiten !== false) parts.push("searched by the model's own vectors");
  if (codeBits) parts.push(`by codes of ${codeBits} bits a number, the best rows from disk`);
  if (rerank) parts.push(`re-ranked: ${rerank}`);
  if (views !== "whole")
    parts.push(`queries by their ${views}, without a verdict: it is measured with whole images`);
  return parts.join("; ");
}

function textOf(finding: Finding, k: number, about: string, sheet: string | undefined): string {
  const { results, photos, verdict } = finding;
  const notes = [about, leftOutText(photos.leftOut)].filter(Boolean);
  const fewest = Math.min(...results.map(({ hits }) => hits.length));
  if (fewest < k) notes.push(`-k ${k}: there are only ${counted(fewest, "other photo")}; all are shown`);
  notes.push(...results.flatMap(notesOf).slice(0, NOTES_SHOWN));
  if (verdict) notes.push(verdictText(verdict));
  if (sheet !== undefined) notes.push(`contact sheet: ${sheet}`);
  return [hitTable(results), ...notes].join("\n");
}

/** Most lines of a kind. */
const NOTES_SHOWN = 10;

function hitTable(results: readonly QueryHits[]): string {
  const hasClasses = results.some(({ hits }) => hits.some((hit) => hit.class !== null));
  const hasVerdicts = results.some(({ hits }) => hits.some((hit) => hit.verdict !== null));
  const rows = results.flatMap(({ query, hits }) =>
    hits.map((hit, i) => [
      i === 0 ? shown(query) : "",
      String(hit.rank),
      hit.score.toFixed(3),
      ...(hasVerdicts ? [hitText(hit.verdict)] : []),
      ...(hasClasses ? [shown(hit.class ?? "")] : []),
      shown(hit.file),
    ]),
  );
  const header = [
    "query",
    "rank",
    "score",
    ...(hasVerdicts ? ["verdict"] : []),
    ...(hasClasses ? ["class"] : []),
    "file",
  ];
  return textTable(header, leftAligned(rows, 3));
}

/** Pads the texts of all columns from `first` on, so that they begin below each other. */
function leftAligned(rows: readonly string[][], first: number): string[][] {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length));
  const widths = rows[0]?.map((_, column) => (column < first ? 0 : width(column))) ?? [];
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)));
}

/** Returns what a person could misread in a query's hits. */
function notesOf({ query, hits, itself }: QueryHits): string[] {
  const notes: string[] = [];
  if (itself.length > 0)
    notes.push(`${shown(query)} is among the photos: ${itself.map(shown).join(", ")} left out of its hits`);
  if (isNothingAlike(hits)) notes.push(`${shown(query)}: ${NOTHING_ALIKE}`);
  for (const { file } of hits)
    if (basename(file) === basename(query))
      notes.push(`${shown(file)} has the name of the query ${shown(query)}, but is another picture`);
  return notes;
}

function failureOf({ unreadable }: Finding): string | undefined {
  if (unreadable.length === 0) return undefined;
  const lines = unreadable.slice(0, NOTES_SHOWN).map(({ file, reason }) => `\n  ${shown(file)}: ${reason}`);
  return `${counted(unreadable.length, "query", "queries")} cannot be read:${lines.join("")}`;
}

/** Returns a name without line breaks and other control characters, which would break the table. */
function shown(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return name.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}
