// Charts of a config before it trains, and its cost in a sentence.
import { formatSeconds } from "../../common/progress";
import type { RunEstimate } from "../../training/estimate";
import { learningRate, marginOf } from "../../training/step/schedule";
import type { SmallChart } from "../output/curve_svg";
import { differ } from "../views/training_views";
import type { Config } from "./moved_settings";

const SCHEDULE_POINTS = 120;
/** Steps of an epoch in the chart; the shape does not depend on their number. */
const STEPS = 1000;
const ANGLE_POINTS = 60;

/**
 * Returns three charts: learning rate and margin over the epochs, beside the preset's where they differ; and the logit of
 * the right class over the angle.
 */
export function configCharts(config: Config, base: Config): SmallChart[] {
  const [own, preset] = [scheduleOf(config), scheduleOf(base)];
  const over = (part: "rate" | "margin") => {
    const lines = [
      { name: "now", x: own.epochs, y: own[part] },
      { name: "preset", x: preset.epochs, y: preset[part] },
    ];
    return {
      x: "epochs",
      fromZero: true,
      lines: differ(lines.map(({ x, y }) => [x, y])) ? lines : lines.slice(0, 1),
    };
  };
  return [
    { title: "Learning rate, neck and head", ...over("rate") },
    { title: "Margin, radians", ...over("margin") },
    {
      title: "Logit of the right class",
      x: "angle to its centre, degrees",
      lines: logitLines(config, own.margin.at(-1)!),
    },
  ];
}

function scheduleOf(config: Config) {
  const { nEpochs } = config;
  const epochs = Array.from({ length: SCHEDULE_POINTS + 1 }, (_, i) => (nEpochs * i) / SCHEDULE_POINTS);
  const positions = epochs.map((time) => {
    const epoch = Math.min(nEpochs, Math.floor(time) + 1);
    return { epoch, stepInEpoch: Math.max(1, Math.round((time - epoch + 1) * STEPS)) };
  });
  return {
    epochs,
    rate: positions.map((position) => learningRate(config, position, STEPS)),
    margin: positions.map(({ epoch }) => marginOf(config, epoch)),
  };
}

/** Returns the logit over the angle without a margin, and with the loss's (lib/model/arcface.ts). */
function logitLines({ s, loss }: Config, margin: number) {
  const degrees = Array.from({ length: ANGLE_POINTS + 1 }, (_, i) => (i / ANGLE_POINTS) * 180);
  const angles = degrees.map((degree) => (degree * Math.PI) / 180);
  const arc = (angle: number) =>
    angle < Math.PI - margin
      ? Math.cos(angle + margin)
      : Math.cos(angle) - margin * Math.sin(Math.PI - margin);
  const shifted = (angle: number) => (loss === "CosFace" ? Math.cos(angle) - margin : arc(angle));
  return [
    { name: "without the margin", x: degrees, y: angles.map((angle) => s * Math.cos(angle)) },
    { name: `with ${Number(margin.toFixed(3))}`, x: degrees, y: angles.map((angle) => s * shifted(angle)) },
  ];
}

/** Returns "1,016 steps in 8 epochs, about 45 s on this machine (features 20 s, once); 1,210 MB of memory; ...". */
export function costText({ nEpochs, batchSize }: Config, estimate: RunEstimate): string {
  const {
    steps,
    featureSeconds = 0,
    trainingSeconds = 0,
    evaluationSeconds = 0,
    memoryMB,
    trained,
  } = estimate;
  const whole = featureSeconds + trainingSeconds + evaluationSeconds;
  const pieces = [
    ["features", featureSeconds],
    ["training", trainingSeconds],
    ["evaluation", evaluationSeconds],
  ] as const;
  const named = pieces
    .filter(([, seconds]) => seconds > 0)
    .map(([name, seconds]) => `${name} ${formatSeconds(seconds)}`);
  const time =
    steps === undefined
      ? `${formatSeconds(estimate.secondsPerStep)} a step (no training table here yet)`
      : `${steps.toLocaleString("en-US")} steps in ${nEpochs} ${nEpochs === 1 ? "epoch" : "epochs"}, about ${formatSeconds(whole)} on this machine (${named.join(", ")})`;
  const memory = `${memoryMB.toLocaleString("en-US")} MB of memory`;
  return `${time}; ${memory}; ${batchSize} images a step; ${(trained / 1e6).toFixed(2)} million weights learn`;
}
