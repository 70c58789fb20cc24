// What a notebook imports: `import * as guie from "guie"`, or single names. One block per stage of the pipeline.

export { UserError } from "./common/errors";
export { breathe } from "./common/interrupt";
export { projectPath } from "./common/project";
export { randomStream } from "./common/random";
export type { Vectors } from "./common/vectors";
// settings
export { type ConfigOverrides, overrideConfig, type TrainConfig } from "./config/config";
export { demo, PRESET_NAMES, preset, vit224 } from "./config/presets";
export { DATA_SETS, type DataSet, DEMO_SET, findDataSet } from "./datasets/catalogue";
// Get_Data
export { readClassNames } from "./datasets/class_names";
export { drawDemo } from "./datasets/demo/draw";
export { type GetDataResult, getData, getDataOfAll, presentDataSets } from "./datasets/get_data";
export { describeRaw, inspectRaw, type RawStatus, rawFolder } from "./datasets/raw_folder";
export { dataSetsToRead, isDemoFolder, unreadRaw, unreadTables, unreadText } from "./datasets/unknown_files";
export { type Embedder, loadEmbedder } from "./embedding/embedder";
// the engine
export { describeDevice } from "./engine/native/device";
export { tf } from "./engine/native/tf";
export { Program } from "./engine/program/program";
export { trace } from "./engine/program/trace";
export { rawOp } from "./engine/tracing/raw_op";
export { scope } from "./engine/tracing/scope";
export { compareOnHeldOut, confusionOnHeldOut, retrievalLabels } from "./experiments/compare";
export { climbLadder, heldOutFiles, type LadderRung, trainFeatures } from "./experiments/ladder";
export { compareReductions } from "./experiments/reduce";
export { type RungRequest, type Rungs, rungsOf } from "./experiments/rungs";
export { makeSoup, type Soup } from "./experiments/soup";
export type { SweepGrid, SweepRun } from "./experiments/sweep";
// models that leave
export { type ExportRequest, type ExportResult, exportRun, FORMATS } from "./export/export_run";
export { type ExportedWeights, exportWeights } from "./export/tower_file";
export { type FeatureRows, type Features, openFeatures } from "./features/feature_files";
export { writeFeatures } from "./features/feature_writer";
export { computeFeatures, ensureFeatures } from "./features/features";
export { openPyTorch } from "./formats/pytorch";
export { openSafetensors } from "./formats/safetensors";
export type { TensorFile } from "./formats/tensor_file";
export { decodeRgb } from "./images/decode";
// Data_preprocessing
export { augment } from "./images/loading/augment";
export { drawAugmentPlan } from "./images/loading/augment_plan";
export { loadImages } from "./images/loading/loader";
export type { RgbImage } from "./images/pixels/rgb_image";
export type { PixelRule } from "./images/readers/options";
export { type DuplicatePair, type DuplicateReport, findDuplicates } from "./inspection/duplicates";
export { type Backbone, loadBackbone } from "./model/backbone";
export type { Tower } from "./model/tower";
export { freshTower, towerFile } from "./model/tower_weights";
export { findTower, parameterCount, TOWERS, towerShapes } from "./model/towers";
export { vitFeatures, type Weights } from "./model/vit";
export { toTensors } from "./model/weight_source";
export type { PicturedFigure } from "./notebook/output/drawing";
export { type Figure, figurePng } from "./notebook/output/figure";
export { type GridImage, imageGrid } from "./notebook/output/images";
export { input } from "./notebook/output/input";
export { params } from "./notebook/output/params";
export {
  barFigure,
  heatFigure,
  histogramOfClassSizes,
  lineFigure,
  sideBySide,
} from "./notebook/output/plots";
export { notebookProgress } from "./notebook/output/progress";
export { reload } from "./notebook/output/reload";
// what a notebook shows
export { type Atlas, type AtlasPoint, buildAtlas } from "./notebook/views/atlas";
export { atlasFigure, type PlacedImage } from "./notebook/views/atlas_figure";
export { augmentationGrid, augmentationRanges } from "./notebook/views/augmentation_views";
export { gradientFigure, hardestGrid, marginFigure } from "./notebook/views/by_hand_views";
export { compareRuns } from "./notebook/views/compare_runs";
export {
  duplicateGrid,
  hardestQueries,
  neighbourGrid,
  sampleGrid,
  searchGrid,
} from "./notebook/views/gallery";
export { drawGraph } from "./notebook/views/graph_drawing";
export { placeImage } from "./notebook/views/own_image";
export { beforeAfterGrid, type Reject, readRejects } from "./notebook/views/preprocessing_views";
export { comparisonFigure, confusionFigure } from "./notebook/views/retrieval_views";
export { attachRun, type RunHandle, startRun } from "./notebook/views/run_handle";
export { show } from "./notebook/views/show";
export { type SweepResult, sweep, sweepFigure } from "./notebook/views/sweep";
export { trainByHand } from "./notebook/views/train_by_hand";
export { type TrainParams, trainConfigs } from "./notebook/views/train_configs";
export { compareConfigs, estimateRuns, scheduleFigure } from "./notebook/views/training_views";
export { watchRun } from "./notebook/views/watch";
export { type PreprocessResult, preprocessDataSets, preprocessDataset } from "./preprocessing/preprocess";
export { preparedDataSets, preprocessedDataSets } from "./preprocessing/present_data_sets";
// Model_Preparation
export { type PreparedModel, prepareModel } from "./pretrained/prepare_model";
// Inference
export {
  type ApproximateIndex,
  buildApproximateIndex,
  openApproximateIndex,
  recallOf,
} from "./retrieval/approximate";
export { comparisonTable } from "./retrieval/comparison_table";
export { confusionTable, type DatasetConfusion, datasetConfusion } from "./retrieval/confusion";
export { type EmbeddingMap, pcaMap, umapMap } from "./retrieval/embedding_map";
export {
  type ComparisonRow,
  compareModels,
  type ModelVectors,
  type RetrievalLabels,
} from "./retrieval/evaluation";
export { precisionAt5, type RetrievalScores, scoreRetrieval } from "./retrieval/metrics";
export { cosineMatrix, type Neighbours, nearestByDistance, nearestNeighbours } from "./retrieval/neighbours";
export {
  fitPca,
  type Reduction,
  randomProjection,
  readReduction,
  reduceRows,
  writeReduction,
} from "./retrieval/reduction";
export { type CheckpointRef, findCheckpoint } from "./runs/checkpoint_ref";
export type { Metric, StepMetric } from "./runs/metrics";
export { prepareRunFolder, readMetrics, readRunConfig, runFolder } from "./runs/run_folder";
export { runTable } from "./runs/run_table";
export { type RunningService, type ServeOptions, serve } from "./serving/serve";
// Data_Merge
export {
  type BalanceChange,
  type BalanceStage,
  type ClassBalance,
  classBalance,
  compareBalance,
} from "./tables/balance";
export { type ClassCount, classCounts } from "./tables/class_counts";
export { type FoundClass, findClasses } from "./tables/find_classes";
export { type HeldOut, heldOutBefore } from "./tables/held_out";
export { type FoldMode, mergeTables, type TableCounts } from "./tables/merge_tables";
export { type SampledRow, sampleRows } from "./tables/sample_rows";
export { imagesOfClass, readTrainingTable, type TrainingTable } from "./tables/training_table";
// Train
export { buildTraining } from "./training/build";
export { readRetrievalFiles } from "./training/data/read_run_data";
export type { RetrievalFiles } from "./training/data/run_data";
export { estimateRun, type RunEstimate } from "./training/estimate";
export { type ExaminedImage, examineImages } from "./training/examine";
export { type GradientNorm, gradientNorms } from "./training/loop/gradient_norms";
export { learningRate, marginOf } from "./training/step/schedule";
