// `guie scaling`: predicts a training step on many devices.
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { textTable } from "../../common/text_table";
import { percent } from "../../common/words";
import { predictStep, type ScalingPrediction } from "../../experiments/scaling";
import { ASSUMPTIONS, MACHINES, type Machine, scalingInputs } from "../../experiments/scaling_inputs";
import { type CommandResult, setAction } from "../shared/command";
import { addConfigFlags, type ConfigOptions, configOf } from "../shared/config_flags";
import { numberOf, wholeNumberOf, wholeNumbersOf } from "../shared/numbers";

interface ScalingOptions extends ConfigOptions {
  machine: keyof typeof MACHINES;
  hosts: string;
  devicesPerHost: string;
  classes: string;
  utilisation: string;
  transferShare: string;
  linkGb?: string;
  networkGbit?: string;
}

const COLUMNS = [
  "hosts x devices",
  "step",
  "compute",
  "update",
  "reduce",
  "exposed",
  "images/s",
  "efficiency",
];

/** Registers `guie scaling`: the formula of docs/how_to/scale.md, for a config and machines. */
export function registerScaling(program: Command): void {
  const command = program
    .command("scaling")
    .description(
      "Predict the time of a training step in several processes, by formula (docs/how_to/scale.md).",
    )
    .addOption(new Option("--machine <kind>", "kind of host").choices(Object.keys(MACHINES)).default("a40"))
    .option("--hosts <list>", "numbers of hosts, separated by commas", "1,2")
    .option("--devices-per-host <list>", "numbers of devices per host, separated by commas", "1,8")
    .option("--classes <n>", "number of classes in the head", "274330")
    .option(
      "--utilisation <x>",
      "share of a device's peak speed that is reached",
      String(ASSUMPTIONS.utilisation),
    )
    .option(
      "--transfer-share <x>",
      "share of the rate of links and memory that is reached",
      String(ASSUMPTIONS.transferShare),
    )
    .option("--link-gb <n>", "GB/s between two devices, one way (default: the machine's)")
    .option("--network-gbit <n>", "Gbit/s of a host's network (default: the machine's)");
  addConfigFlags(command, ["batchSize", "imageSize", "bucketMB", "gradientDtype", "shardHead"]);
  setAction<ScalingOptions>(command, async (options) => scaling(options));
}

function scaling(options: ScalingOptions): CommandResult {
  const config = configOf({ configName: "vit_224", ...options });
  const machine = machineOf(options);
  const assumptions = {
    ...ASSUMPTIONS,
    utilisation: shareOf("--utilisation", options.utilisation),
    transferShare: shareOf("--transfer-share", options.transferShare),
  };
  const classes = wholeNumberOf("--classes", options.classes, 1);
  const predictions = countsOf("--hosts", options.hosts).flatMap((hosts) =>
    countsOf("--devices-per-host", options.devicesPerHost).map((devicesPerHost) => ({
      hosts,
      devicesPerHost,
      ...predictStep(scalingInputs(config, classes, { hosts, devicesPerHost }, machine, assumptions)),
    })),
  );
  const table = textTable(COLUMNS, predictions.map(cellsOf));
  return {
    text: `${table}\nPredicted, not measured: docs/how_to/scale.md. Times in ms.`,
    summary: { predictions },
  };
}

function machineOf({ machine, linkGb, networkGbit }: ScalingOptions): Machine {
  return {
    ...MACHINES[machine],
    ...(linkGb !== undefined && { linkBytesPerSecond: positiveOf("--link-gb", linkGb) * 1e9 }),
    ...(networkGbit !== undefined && {
      networkBytesPerSecond: (positiveOf("--network-gbit", networkGbit) * 1e9) / 8,
    }),
  };
}

function cellsOf(row: ScalingPrediction & { hosts: number; devicesPerHost: number }): string[] {
  const { stepSeconds, computeSeconds, updateSeconds, reduceSeconds, exposedSeconds } = row;
  const times = [stepSeconds, computeSeconds, updateSeconds, reduceSeconds, exposedSeconds];
  return [
    `${row.hosts} x ${row.devicesPerHost}`,
    ...times.map((seconds) => (1000 * seconds).toFixed(1)),
    row.imagesPerSecond.toFixed(0),
    percent(row.efficiency),
  ];
}

const countsOf = (flag: string, text: string) => wholeNumbersOf(flag, text, 1);

function shareOf(flag: string, text: string): number {
  const share = positiveOf(flag, text);
  if (share <= 1) return share;
  throw new UserError(`${flag} takes a share from 0 to 1, got "${text}".`);
}

function positiveOf(flag: string, text: string): number {
  const value = numberOf(flag, text);
  if (value > 0) return value;
  throw new UserError(`${flag} takes a number above 0, got "${text}".`);
}
