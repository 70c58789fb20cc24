// Notebook outputs: cells' parameters, tables, figures, grids of images; and the views of each notebook.

export { show } from "../notebook/views/show";
export { params } from "../notebook/output/params";
export { input } from "../notebook/output/input";
export { notebookProgress } from "../notebook/output/progress";
export { reload } from "../notebook/output/reload";
export { type GridImage, imageGrid } from "../notebook/output/images";
export { type Figure, figurePng } from "../notebook/output/figure";
export {
  barFigure,
  heatFigure,
  histogramOfClassSizes,
  lineFigure,
  sideBySide,
} from "../notebook/output/plots";
// Data_preprocessing
export { beforeAfterGrid, type Reject, readRejects } from "../notebook/views/preprocessing_views";
// Data_Merge
export { classesInWords, longTailFigure } from "../notebook/views/class_views";
export { type ClassReport, type ClassReportOptions, classReport } from "../notebook/views/class_report";
export {
  duplicateGrid,
  hardestQueries,
  neighbourGrid,
  sampleGrid,
  searchGrid,
} from "../notebook/views/gallery";
export { inspectionGrid } from "../notebook/views/inspection_views";
// Model_Preparation
export { drawGraph } from "../notebook/views/graph_drawing";
// Train
export { augmentationGrid, augmentationRanges } from "../notebook/views/augmentation_views";
export { compareConfigs, estimateRuns, scheduleFigure } from "../notebook/views/training_views";
export { gradientFigure, hardestGrid, marginFigure } from "../notebook/views/by_hand_views";
export { compareRuns } from "../notebook/views/compare_runs";
// Inference
export { placeImage, type PlacedImage } from "../notebook/atlas/own_image";
export { comparisonFigure, confusionFigure } from "../notebook/views/retrieval_views";
export { scoresFigure, verdictFigure } from "../notebook/views/verdict_figures";
export { type Atlas, type AtlasPoint, buildAtlas } from "../notebook/atlas/atlas";
export { type AtlasView, atlasView } from "../notebook/atlas/atlas_view";
// Experiments
export { tuneTable } from "../notebook/tweak/tune";
export { wiseFigure } from "../notebook/views/wise_figure";
// Sentences below figures
export {
  balanceReading,
  duplicatesReading,
  preprocessReading,
  sizesReading,
} from "../notebook/readings/data";
export {
  gradientReading,
  hardestReading,
  marginReading,
  rateReading,
  soupReading,
  stepsReading,
  sweepReading,
  tuneReading,
  wiseReading,
} from "../notebook/readings/experiments";
export {
  calibrationReading,
  comparisonReading,
  confusionReading,
  cosineReading,
  datasetsReading,
  foundReading,
  nearestReading,
  verdictReading,
} from "../notebook/readings/retrieval";
export { costReading, gainReading, runReading, scheduleReading } from "../notebook/readings/training";
