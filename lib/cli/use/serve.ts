// `guie serve`: starts the HTTP service and page of a model.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { messageOf, UserError } from "../../common/errors";
import { requireFile } from "../../common/files/files";
import { terminalProgress } from "../../common/progress";
import { MODEL_FORMS } from "../../embedding/find_model";
import { seekTransform } from "../../embedding/transform_model";
import { describeDevice } from "../../engine/native/device";
import { endProcessAfter } from "../../engine/native/native_exit";
import { MILVUS_FORM } from "../../milvus/address";
import { seekCheckpoint } from "../../runs/checkpoint_ref";
import { isLoopback } from "../../serving/limits/request_guards";
import { type RunningService, SERVE_DEFAULTS, serve } from "../../serving/serve";
import { addCodesFlag, type CodesFlag, codeBitsOf } from "../shared/codes_flag";
import { type CommandResult, setAction } from "../shared/command";
import { finishBeforeStopping } from "../shared/exit_guard";
import { wholeNumberOf } from "../shared/numbers";
import { addRenamed } from "../shared/renamed";
import { addRerankFlag, type SearchFlags, searchChoice } from "../shared/rerank_flag";
import { addSourceFlags, type SourceFlags, sourceSettings } from "../shared/source_flags";
import { givenOf } from "../shared/usage";
import { addViewsFlag, QUERY_VIEWS, type ViewsFlag } from "../shared/views_flag";

type Count = Exclude<
  keyof typeof SERVE_DEFAULTS,
  "configName" | "host" | "approximate" | "views" | "windowMs"
>;

/** Flags that set a number each, with its smallest value. */
const NUMBERS: readonly [flags: string, setting: Count, least: number, description: string][] = [
  ["--port <n>", "port", 0, "port to listen on; 0: a free one"],
  ["--max-bytes <n>", "maxBytes", 1, "largest request in bytes, with all its images"],
  ["--max-pixels <n>", "maxPixels", 1, "most pixels of an image"],
  ["--max-images <n>", "maxImages", 1, "most images in a request"],
  ["--max-under-way <n>", "maxUnderWay", 1, "most requests at once; more get a 503"],
  ["--max-batch <n>", "maxBatch", 1, "most images in a forward pass"],
  ["--max-decode-ms <n>", "maxDecodeMs", 1, "time limit for decoding an image"],
  ["--max-connections <n>", "maxConnections", 1, "most connections; beyond, the one idle longest is closed"],
  ["--head-ms <n>", "headMs", 1, "time limit for the head of a request"],
  ["--min-bytes-per-second <n>", "minBytesPerSecond", 0, "lowest accepted rate of a request's body"],
  ["--drain-ms <n>", "drainMs", 0, "longest wait for unfinished requests when the service ends"],
  ["--max-wait-ms <n>", "maxWaitMs", 0, "longest wait of an image for others to share its pass"],
];

interface ServeCommandOptions
  extends SearchFlags,
    SourceFlags,
    ViewsFlag,
    CodesFlag,
    Record<string, unknown> {
  model?: string;
  configName: string;
  classNames?: string;
  approximate?: boolean;
  open?: boolean;
  host: string;
  trustHeader?: string;
  editTokenFile?: string;
}

/** Environment variable with the word of --edit-token-file. */
const TOKEN_VARIABLE = "GUIE_EDIT_TOKEN";

/** Time to exit normally after the result is printed; native code that still runs is then abandoned. */
const END_MS = 1_000;

/** Registers `guie serve PHOTOS --model M`: a model as a service on this machine, with a page to search by image. */
export function registerServe(program: Command): void {
  const command = program
    .command("serve")
    .argument(
      "[photos]",
      "images to search: a folder of guie embed --out, images as guie embed takes them, a data directory, or " +
        `${MILVUS_FORM} (default: the index images of the held-out classes)`,
    )
    .description(
      "Serve a model on this machine: POST /embed, POST /search, and a page to search by image. Photos need no labels. " +
        "Each is embedded once, while the service answers with those that are there; POST /reload reads them again.",
    )
    .option("--model <model>", `model that embeds: ${MODEL_FORMS} (default: the preset's backbone)`)
    .option(
      "--config-name <preset>",
      "preset of the default backbone and its settings",
      SERVE_DEFAULTS.configName,
    )
    .option("--class-names <csv>", "CSV with names of the index's classes: labels,class_name")
    .option("--approximate", "search approximately, by a graph of the rows: for millions of rows")
    .option(
      "--whiten",
      "whiten the index by its own vectors (default: photos that a backbone embeds, 16 or more)",
    )
    .option("--no-whiten", "search the model's own vectors")
    .option("--open", "open the page in this desktop's browser")
    .option("--host <address>", "address to listen on", SERVE_DEFAULTS.host)
    .option(
      "--trust-header <name>",
      "header in which a proxy writes the client's address, such as X-Forwarded-For",
    );
  command.option(
    "--edit-token-file <file>",
    `file with a secret word: clients that send it may change the index, a folder of features (or set ${TOKEN_VARIABLE})`,
  );
  addRenamed(command, "--run <name>", "--model", { option: "--model" });
  addRenamed(command, "--index <folder>", "a word: guie serve PHOTOS", "words");
  addSourceFlags(command);
  addRerankFlag(command);
  addViewsFlag(command, QUERY_VIEWS);
  addCodesFlag(command);
  for (const [flags, setting, , description] of NUMBERS)
    command.addOption(new Option(flags, description).default(String(SERVE_DEFAULTS[setting])));
  setAction<ServeCommandOptions>(command, (options, words) => {
    const { model } = options;
    const isOwn = model !== undefined && (seekCheckpoint(model) ?? seekTransform(model)) !== undefined;
    if (isOwn && givenOf(command, ["--config-name"]) !== "")
      throw new UserError(
        `--config-name: of no use with the model ${model}.`,
        "Leave it out: a run, whitened or LDA model embeds by its own settings.",
      );
    return serveUntilStopped(options, words);
  });
}

async function serveUntilStopped(
  options: ServeCommandOptions,
  [index]: readonly string[],
): Promise<CommandResult> {
  const { model, configName, classNames, approximate, views, open, host, trustHeader } = options;
  process.stderr.write(`${describeDevice()}\n`);
  const service = await serve({
    run: model,
    configName,
    host,
    onProgress: terminalProgress(),
    index,
    classNames,
    source: sourceSettings(options),
    approximate: approximate ?? SERVE_DEFAULTS.approximate,
    ...searchChoice(options),
    views,
    codeBits: codeBitsOf(options),
    trustHeader,
    editToken: editToken(options),
    ...numbersOf(options),
  });
  process.stderr.write(`${greeting(service, host)}\n`);
  if (open) process.stderr.write(await openPage(service.url));
  const stop = finishBeforeStopping("what is under way");
  if (!stop.aborted) await once(stop, "abort");
  await service.close();
  endProcessAfter(END_MS);
  const { load, uptimeSeconds } = service.health() as {
    load: { images: number; passes: number };
    uptimeSeconds: number;
  };
  const text = `${load.images} images in ${load.passes} forward passes, ${uptimeSeconds} s`;
  return { text, summary: { url: service.url, ...load, uptimeSeconds } };
}

/** Returns the secret word for changes; undefined: none. It is never typed, and never printed. */
function editToken({ editTokenFile }: ServeCommandOptions): string | undefined {
  if (editTokenFile === undefined) return process.env[TOKEN_VARIABLE];
  requireFile(editTokenFile, "a secret word", "openssl rand -hex 24 > FILE");
  return readFileSync(editTokenFile, "utf8").trim();
}

function numbersOf(options: ServeCommandOptions): Partial<Record<Count, number>> {
  const entries = NUMBERS.map(([flags, setting, least]) => {
    const [flag] = flags.split(" ");
    return [setting, wholeNumberOf(flag!, String(options[setting]), least)];
  });
  return Object.fromEntries(entries);
}

function greeting({ url, health }: RunningService, host: string): string {
  const { index, search, views } = health() as {
    views: string;
    index: { name: string; images: number; photos: { total: number } | null };
    search: { kind: string; recallAt5: number | null; recallQueries: number };
  };
  const recall =
    search.recallAt5 === null
      ? "recall not measured here"
      : `recall@5 ${search.recallAt5.toFixed(3)} against the exact search, measured on ${search.recallQueries} rows`;
  const rows = `${index.images} images of ${index.name}, ${search.kind} search${search.kind === "exact" ? "" : `: ${recall}`}`;
  const lines = [
    index.photos
      ? `${index.photos.total} photos of ${index.name}: search them while they are embedded`
      : rows,
    `${url}: open it in a browser; Ctrl-C ends it`,
  ];
  if (views !== "whole")
    lines.unshift(
      `images are searched with by their ${views}, without a verdict: it is measured with whole images`,
    );
  if (!isLoopback(host)) lines.unshift(`warning: other machines can reach ${host}, and there is no password`);
  return lines.join("\n");
}

/** Opens a page in the desktop's browser. @returns a line if that is not possible, else "" */
async function openPage(url: string): Promise<string> {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (!DISPLAY && !WAYLAND_DISPLAY) return "--open: there is no desktop here; open the address yourself\n";
  const child = spawn("xdg-open", [url], { stdio: "ignore", detached: true });
  child.unref();
  return once(child, "spawn").then(
    () => "",
    (error: unknown) => `--open: xdg-open does not start (${messageOf(error)}); open the address yourself\n`,
  );
}
