// Train: the settings of a run, its cost, the run itself, its results.

export { type ConfigOverrides, overrideConfig, type TrainConfig } from "../config/config";
export { demo, PRESET_NAMES, preset, vit224 } from "../config/presets";
export { type TrainParams, trainConfigs } from "../notebook/views/train_configs";
export { estimateRun, type RunEstimate } from "../training/estimate";
export { learningRate, marginOf } from "../training/step/schedule";
export { attachRun, type RunHandle, startRun } from "../notebook/views/run_handle";
export { watchRun } from "../notebook/views/watch";
export { readMetrics, readRunConfig, runFolder } from "../runs/run_folder";
export { prepareRunFolder } from "../runs/start_folder";
export type { Metric, StepMetric } from "../runs/metrics";
export { runTable } from "../runs/run_table";
export { tries } from "../notebook/tweak/tries";
export { type CheckpointRef, findCheckpoint } from "../runs/checkpoint_ref";
// by hand, a step at a time
export { buildTraining } from "../training/build";
export { trainByHand } from "../notebook/views/train_by_hand";
export { type GradientNorm, gradientNorms } from "../training/loop/gradient_norms";
export { type ExaminedImage, examineImages } from "../training/examine";
// many runs
export { type LrFind, type LrFindOptions, lrFind } from "../experiments/lr_find";
export { lrFigure } from "../notebook/tweak/lr_figure";
export type { SweepGrid, SweepRun } from "../experiments/sweep";
export { type SweepResult, sweep, sweepFigure } from "../notebook/views/sweep";
export { tune } from "../notebook/tweak/tune";
export { makeSoup, type Soup } from "../experiments/soup";
export { takeWise, type WiseLine, wiseLine } from "../experiments/wise_ft";
