// `guie serve`: starts the HTTP service and page of a model.
import { once } from "node:events";
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { MODEL_FORMS } from "../../embedding/find_model";
import { describeDevice } from "../../engine/native/device";
import { endProcessAfter } from "../../engine/native/native_exit";
import { seekCheckpoint } from "../../runs/checkpoint_ref";
import { isLoopback } from "../../serving/request_guards";
import { type RunningService, SERVE_DEFAULTS, serve } from "../../serving/serve";
import { type CommandResult, runs } from "../shared/command";
import { finishBeforeStopping } from "../shared/exit_guard";
import { wholeNumberOf } from "../shared/numbers";
import { addRenamed } from "../shared/renamed";
import { givenOf } from "../shared/usage";

type Count = Exclude<keyof typeof SERVE_DEFAULTS, "configName" | "host" | "approximate" | "windowMs">;

/** Flags that set a number each; the least that it may be. */
const NUMBERS: readonly [flags: string, setting: Count, least: number, description: string][] = [
  ["--port <n>", "port", 0, "port to listen on; 0: a free one"],
  ["--max-bytes <n>", "maxBytes", 1, "bytes of a request, with all its images"],
  ["--max-pixels <n>", "maxPixels", 1, "pixels of an image"],
  ["--max-images <n>", "maxImages", 1, "images of a request"],
  ["--max-under-way <n>", "maxUnderWay", 1, "requests under way; more are told to come again"],
  ["--max-batch <n>", "maxBatch", 1, "images of a forward pass"],
  ["--max-decode-ms <n>", "maxDecodeMs", 1, "an image is given up after so long, and its thread replaced"],
  ["--max-connections <n>", "maxConnections", 1, "connections; beyond them the longest idle one makes room"],
  ["--head-ms <n>", "headMs", 1, "so long the head of a request may take to come"],
  ["--min-bytes-per-second <n>", "minBytesPerSecond", 0, "slowest body that is waited for"],
  ["--drain-ms <n>", "drainMs", 0, "so long requests under way are waited for at the end"],
  ["--max-wait-ms <n>", "maxWaitMs", 0, "so long an image waits for others to share its pass"],
];

interface ServeCommandOptions extends Record<string, unknown> {
  model?: string;
  configName: string;
  classNames?: string;
  approximate?: boolean;
  host: string;
  trustHeader?: string;
}

/** Time to end in good order after the last word, before native code that still runs is left behind. */
const END_MS = 1_000;

/** `guie serve PHOTOS --model M`: a model as a service on this machine, with a page to search by image. */
export function registerServe(program: Command): void {
  const command = program
    .command("serve")
    .argument(
      "[photos]",
      "what is searched: a folder of guie embed --out, images as guie embed takes them, or a data directory; default: the " +
        "index images of the held-out classes",
    )
    .description(
      "Serve a model on this machine: POST /embed, POST /search, and a page to search by image. Photos are embedded " +
        "first, once.",
    )
    .option("--model <model>", `who embeds: ${MODEL_FORMS}; default: the preset's backbone`)
    .option("--config-name <preset>", "preset of the backbone and its settings", SERVE_DEFAULTS.configName)
    .option("--class-names <csv>", "names of the index's classes: labels,class_name")
    .option("--approximate", "search a graph of the rows: for millions of them")
    .option("--host <address>", "address to listen on", SERVE_DEFAULTS.host)
    .option(
      "--trust-header <name>",
      "header in which a proxy before the service writes the client's address, such as X-Forwarded-For",
    );
  addRenamed(command, "--run <name>", "--model", { option: "--model" });
  addRenamed(command, "--index <folder>", "a word: guie serve PHOTOS", "words");
  for (const [flags, setting, , description] of NUMBERS)
    command.addOption(new Option(flags, description).default(String(SERVE_DEFAULTS[setting])));
  runs<ServeCommandOptions>(command, (options, words) => {
    const { model } = options;
    const isRun = model !== undefined && seekCheckpoint(model) !== undefined;
    if (isRun && givenOf(command, ["--config-name"]) !== "")
      throw new UserError(
        `--config-name: of no use with the run ${model}.`,
        "Leave it out: a run embeds by its own settings.",
      );
    return serveUntilStopped(options, words);
  });
}

async function serveUntilStopped(
  options: ServeCommandOptions,
  [index]: readonly string[],
): Promise<CommandResult> {
  const { model, configName, classNames, approximate, host, trustHeader } = options;
  process.stderr.write(`${describeDevice()}\n`);
  const service = await serve({
    run: model,
    configName,
    host,
    onProgress: terminalProgress(),
    index,
    classNames,
    approximate: approximate ?? SERVE_DEFAULTS.approximate,
    trustHeader,
    ...numbersOf(options),
  });
  process.stderr.write(`${greeting(service, host)}\n`);
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

function numbersOf(options: ServeCommandOptions): Partial<Record<Count, number>> {
  const entries = NUMBERS.map(([flags, setting, least]) => {
    const [flag] = flags.split(" ");
    return [setting, wholeNumberOf(flag!, String(options[setting]), least)];
  });
  return Object.fromEntries(entries);
}

function greeting({ url, health }: RunningService, host: string): string {
  const { index, search } = health() as {
    index: { name: string; images: number };
    search: { kind: string; recallAt5: number; recallQueries: number };
  };
  const recall = `recall@5 ${search.recallAt5.toFixed(3)} against the exact search, over ${search.recallQueries} of its rows`;
  const lines = [
    `${index.images} images of ${index.name}, ${search.kind} search${search.kind === "exact" ? "" : `: ${recall}`}`,
    `${url}: open it in a browser; Ctrl-C ends it`,
  ];
  if (!isLoopback(host))
    lines.unshift(`warning: ${host} is reached from other machines, and asks nobody for a password`);
  return lines.join("\n");
}
