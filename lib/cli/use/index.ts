// `guie index`: a folder of features as an index that lives. Every subcommand is registered by a function of its own.
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { bytesText } from "../../common/files/disk_use";
import { terminalProgress } from "../../common/progress";
import { vit224 } from "../../config/presets";
import { leftOutText } from "../../datasets/own/left_out";
import { sourcePath } from "../../datasets/own/read_own_images";
import { MODEL_FORMS } from "../../embedding/find_model";
import { describeDevice } from "../../engine/native/device";
import { type FeatureSummary, openFeatures } from "../../features/feature_files";
import { readImageList } from "../../features/image_list";
import { modelText } from "../../features/same_model";
import { addToIndex } from "../../index_folder/add";
import { compactIndex } from "../../index_folder/compact";
import { openIndexModel } from "../../index_folder/index_model";
import { describeIndex } from "../../index_folder/info";
import { removeFromIndex } from "../../index_folder/remove";
import { CONDITION_FORM, parseCondition } from "../../index_folder/where";
import { type CommandResult, setAction } from "../shared/command";
import { setCommandName } from "../shared/exit_guard";
import { addSourceFlags, type SourceFlags, sourceSettings } from "../shared/source_flags";
import { addPush } from "./index_push";

/** Registers `guie index info|add|remove|compact|push`. */
export function registerIndex(program: Command): void {
  const index = program
    .command("index")
    .description(
      "Look at an index, add images to it, remove some: the folder of features that guie embed --out has written.",
    )
    .hook("preSubcommand", (_index, command) => setCommandName(`index ${command.name()}`));
  for (const addSubcommand of [addInfo, addAdd, addRemove, addCompact, addPush]) addSubcommand(index);
}

const number = (value: number) => value.toLocaleString("en-US");

/** Returns "7 images", "1 image". */
const images = (count: number) => `${number(count)} ${count === 1 ? "image" : "images"}`;

function stateText({ folder, count }: { folder: string } & Pick<FeatureSummary, "count">): string {
  return `${folder} holds ${images(count)}`;
}

function addInfo(index: Command): void {
  const command = index
    .command("info")
    .argument("<folder>", "the index")
    .description("Print what an index holds, its columns, and the model that made it.");
  setAction(command, (_options, [folder]) => info(folder!));
}

async function info(folder: string): Promise<CommandResult> {
  const found = await describeIndex(sourcePath(folder));
  const { rows, removed, length, dtype, shards, bytes, classes, columns, madeBy } = found;
  const lines = [
    `${stateText({ ...found, count: rows })}${classes === null ? "" : ` of ${number(classes)} classes`}: ${length} numbers each, ${dtype}, by ${modelText(madeBy)}`,
    `${number(shards)} files of vectors, ${bytesText(bytes)}; filters (--where): ${columns.join(", ")}`,
    ...(removed > 0
      ? [`${number(removed)} removed rows still take space: npx guie index compact ${folder}`]
      : []),
  ];
  return { text: lines.join("\n"), summary: { ...found } };
}

interface AddOptions extends SourceFlags {
  model?: string;
}

function addAdd(index: Command): void {
  const command = index
    .command("add")
    .argument("<folder>", "the index")
    .argument(
      "<photos...>",
      "images to add: files, folders, archives, tables or lists, as guie embed takes them",
    )
    .description(
      "Add images to an index by the index's own model. An image that is there with other bytes or in another class is " +
        "replaced; further columns of a table are kept, for filters. If it was killed, the same command resumes.",
    )
    .option("--model <model>", `the model that made the index: ${MODEL_FORMS} (default: it is looked for)`);
  addSourceFlags(command);
  setAction<AddOptions>(command, add);
}

async function add(options: AddOptions, [folder, ...words]: readonly string[]): Promise<CommandResult> {
  const features = openFeatures(sourcePath(folder!));
  const onProgress = terminalProgress();
  const { model } = options;
  const embedder = await openIndexModel(features, { model, config: vit224("frozen"), onProgress });
  try {
    const base = String(features.madeBy.folder);
    const lists = [];
    for (const word of words)
      lists.push(await readImageList(sourcePath(word), base, sourceSettings(options)));
    for (const sentence of lists.flatMap(({ said = [] }) => said)) process.stderr.write(`${sentence}\n`);
    process.stderr.write(`${describeDevice()}\n`);
    const done = { added: 0, replaced: 0, unchanged: 0 };
    const leftOut = lists.flatMap((list) => list.leftOut);
    let state: { folder: string; count: number } = features;
    for (const list of lists) {
      const {
        features: now,
        skipped,
        ...counts
      } = await addToIndex(features.folder, list, embedder, {
        onProgress,
      });
      for (const name of ["added", "replaced", "unchanged"] as const) done[name] += counts[name];
      leftOut.push(...skipped);
      state = now;
    }
    const { added, replaced, unchanged } = done;
    const what = `${images(added)} added, ${number(replaced)} replaced, ${number(unchanged)} there already`;
    return {
      text: [`${what}; ${stateText(state)}`, leftOutText(leftOut)].filter(Boolean).join("\n"),
      summary: { ...done, leftOut, folder: state.folder, rows: state.count },
    };
  } finally {
    embedder.dispose();
  }
}

interface RemoveOptions {
  class?: string[];
  where?: string[];
}

function addRemove(index: Command): void {
  const command = index
    .command("remove")
    .argument("<folder>", "the index")
    .argument("[files...]", "images to remove: their paths, or their names in the index")
    .description(
      "Remove images from an index: by name, or all that meet the conditions. The image files stay where they are.",
    )
    .option("--class <name...>", "remove the images of these classes")
    .option(
      "--where <condition...>",
      `remove the images that meet all conditions: ${CONDITION_FORM}; guie index info names the columns`,
    );
  setAction<RemoveOptions>(command, remove);
}

async function remove(
  { class: classes = [], where = [] }: RemoveOptions,
  [folder, ...files]: readonly string[],
): Promise<CommandResult> {
  const conditions = [
    ...classes.map((value) => ({ column: "class", isNot: false, value: value.normalize("NFC") })),
    ...where.map(parseCondition),
  ];
  if (files.length === 0 && conditions.length === 0)
    throw new UserError("Which images?", "Name files, or give --class NAME or --where COLUMN=VALUE.");
  const removal = { files, from: process.cwd(), where: conditions };
  const { features, removed } = await removeFromIndex(sourcePath(folder!), removal);
  return {
    text: `${images(removed.length)} removed; ${stateText(features)}`,
    summary: { removed, folder: features.folder, rows: features.count },
  };
}

function addCompact(index: Command): void {
  const command = index
    .command("compact")
    .argument("<folder>", "the index")
    .description("Write an index again without removed images, in few files.");
  setAction(command, (_options, [folder]) => compact(folder!));
}

async function compact(folder: string): Promise<CommandResult> {
  const path = sourcePath(folder);
  const before = (await describeIndex(path)).bytes;
  const { features, isChanged } = await compactIndex(path);
  const { bytes } = await describeIndex(path);
  const what = isChanged
    ? `${bytesText(before)} before, ${bytesText(bytes)} now`
    : "nothing to do: no removed images, no small files";
  return {
    text: `${what}; ${stateText(features)}`,
    summary: { isChanged, bytesBefore: before, bytes, folder: features.folder, rows: features.count },
  };
}
