// What a notebook imports: `import * as guie from "guie"`, or single names. One block per stage of the pipeline.

// Model_Preparation
export { type PreparedModel, prepareModel } from "./checkpoints/prepare_model";
export { openPyTorch } from "./checkpoints/pytorch";
export { openSafetensors } from "./checkpoints/safetensors";
export type { TensorFile } from "./checkpoints/tensor_file";
export { UserError } from "./common/errors";
export { breathe } from "./common/interrupt";
export { projectPath } from "./common/project";
export { randomStream } from "./common/random";
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
// models that leave
export { type ExportRequest, type ExportResult, exportRun, FORMATS } from "./export/export_run";
export { type ExportedWeights, exportWeights } from "./export/tower_file";
export { decodeRgb } from "./images/decode";
// Data_preprocessing
export { augment } from "./images/loading/augment";
export { drawAugmentPlan } from "./images/loading/augment_plan";
export { loadImages } from "./images/loading/loader";
export { type PreprocessResult, preprocessDataSets, preprocessDataset } from "./images/preprocess";
export { preparedDataSets, preprocessedDataSets } from "./images/present";
export type { PixelRule } from "./images/readers/options";
export { type Backbone, loadBackbone } from "./model/backbone";
export type { Tower } from "./model/tower";
export { freshTower, towerFile } from "./model/tower_weights";
export { findTower, parameterCount, TOWERS, towerShapes } from "./model/towers";
export { vitFeatures, type Weights } from "./model/vit";
export { toTensors } from "./model/weight_source";
// what a notebook shows
export { type Atlas, type AtlasPoint, buildAtlas } from "./notebook/atlas";
export { atlasFigure, type PlacedImage } from "./notebook/atlas_figure";
export { augmentationGrid, augmentationRanges } from "./notebook/augmentation_views";
export { gradientFigure, hardestGrid, marginFigure } from "./notebook/by_hand_views";
export { compareRuns } from "./notebook/compare_runs";
export type { PicturedFigure } from "./notebook/drawing";
export { type Figure, figurePng } from "./notebook/figure";
export {
  duplicateGrid,
  hardestQueries,
  neighbourGrid,
  sampleGrid,
  searchGrid,
} from "./notebook/gallery";
export { drawGraph } from "./notebook/graph_drawing";
export { type GridImage, imageGrid } from "./notebook/images";
export { input } from "./notebook/input";
export { placeImage } from "./notebook/own_image";
export { params } from "./notebook/params";
export { barFigure, heatFigure, histogramOfClassSizes, lineFigure, sideBySide } from "./notebook/plots";
export { beforeAfterGrid, type Reject, readRejects } from "./notebook/preprocessing_views";
export { notebookProgress } from "./notebook/progress";
export { reload } from "./notebook/reload";
export { comparisonFigure, confusionFigure } from "./notebook/retrieval_views";
export { attachRun, type RunHandle, startRun } from "./notebook/run_handle";
export { show } from "./notebook/show";
export { type SweepResult, sweep, sweepFigure } from "./notebook/sweep";
export { trainByHand } from "./notebook/train_by_hand";
export { type TrainParams, trainConfigs } from "./notebook/train_configs";
export { compareConfigs, estimateRuns, scheduleFigure } from "./notebook/training_views";
export { watchRun } from "./notebook/watch";
export type { RgbImage } from "./pixels/rgb_image";
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
export { type FeatureRows, type Features, openFeatures } from "./retrieval/feature_files";
export { writeFeatures } from "./retrieval/feature_writer";
export { computeFeatures, ensureFeatures } from "./retrieval/features";
export { precisionAt5, type RetrievalScores, scoreRetrieval } from "./retrieval/metrics";
export {
  cosineMatrix,
  type Neighbours,
  nearestByDistance,
  nearestNeighbours,
  type Vectors,
} from "./retrieval/neighbours";
export {
  fitPca,
  type Reduction,
  randomProjection,
  readReduction,
  reduceRows,
  writeReduction,
} from "./retrieval/reduction";
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
export { type DuplicatePair, type DuplicateReport, findDuplicates } from "./tables/duplicates";
export { type FoundClass, findClasses } from "./tables/find_classes";
export { type HeldOut, heldOutBefore } from "./tables/held_out";
export { type FoldMode, mergeTables, type TableCounts } from "./tables/merge_tables";
export { type SampledRow, sampleRows } from "./tables/sample_rows";
export { imagesOfClass, readTrainingTable, type TrainingTable } from "./tables/training_table";
// the engine
export { describeDevice } from "./tensorflow/device";
export { Program } from "./tensorflow/program";
export { rawOp } from "./tensorflow/raw_op";
export { scope } from "./tensorflow/scope";
export { tf } from "./tensorflow/tf";
export { trace } from "./tensorflow/trace";
// Train
export { buildTraining } from "./training/build";
export { compareOnHeldOut, confusionOnHeldOut, retrievalLabels } from "./training/compare";
export { readRetrievalFiles } from "./training/data";
export { type Embedder, loadEmbedder } from "./training/embedder";
export { estimateRun, type RunEstimate } from "./training/estimate";
export { type ExaminedImage, examineImages } from "./training/examine";
export { type GradientNorm, gradientNorms } from "./training/gradient_norms";
export { climbLadder, heldOutFiles, type LadderRung, trainFeatures } from "./training/ladder";
export { compareReductions } from "./training/reduce";
export type { RetrievalFiles } from "./training/run_data";
export { type RungRequest, type Rungs, rungsOf } from "./training/rungs";
export { type CheckpointRef, findCheckpoint } from "./training/runs/checkpoint_ref";
export type { Metric, StepMetric } from "./training/runs/metrics";
export { prepareRunFolder, readMetrics, readRunConfig, runFolder } from "./training/runs/run_folder";
export { runTable } from "./training/runs/run_table";
export { learningRate, marginOf } from "./training/schedule";
export { makeSoup, type Soup } from "./training/soup";
export type { SweepGrid, SweepRun } from "./training/sweep";
