// Inference: images to vectors, search, scores on held-out classes, comparison of models, a service.

export type { Embedder } from "../embedding/embedder";
export { loadEmbedder } from "../embedding/find_model";
export { computeFeatures, ensureFeatures } from "../features/features";
export { writeFeatures } from "../features/feature_writer";
export { type Features, openFeatures } from "../features/feature_files";
// an index that lives
export { type Added, addToIndex } from "../index_folder/add";
export { compactIndex } from "../index_folder/compact";
export { openIndexModel } from "../index_folder/index_model";
export { type Removal, removeFromIndex } from "../index_folder/remove";
// search
export { cosineMatrix, type Neighbours, nearestByDistance, nearestNeighbours } from "../retrieval/neighbours";
export type { Vectors } from "../common/vectors";
export {
  type ApproximateIndex,
  buildApproximateIndex,
  openApproximateIndex,
  recallOf,
} from "../retrieval/approximate";
export { codedIndex, codeRows } from "../retrieval/coded/coded_index";
export { openCodedFolder } from "../index_folder/coded_folder";
export { type PushReport, pushFeatures } from "../milvus/push";
export { openFeatureRows } from "../features/row_reader";
export type { FeatureRows } from "../features/rows_csv";
export {
  parseReranking,
  type RerankName,
  rerankedSearch,
} from "../retrieval/reranking/methods";
export { rerankOnHeldOut, rerankTable } from "../experiments/rerank";
export type { RunningService } from "../serving/serve";
// scores
export { precisionAt5, type RetrievalScores, scoreRetrieval } from "../retrieval/metrics";
export { climbLadder, heldOutFiles, type LadderRung } from "../experiments/ladder";
export { trainFeatures } from "../experiments/transform_rungs";
export { type RungRequest, type Rungs, rungsOf } from "../experiments/rungs";
export { readRetrievalFiles } from "../training/data/read_run_data";
export type { RetrievalFiles } from "../training/data/run_data";
// comparison of models
export { compareOnHeldOut, confusionOnHeldOut, retrievalLabels } from "../experiments/compare";
export {
  type ComparisonRow,
  compareModels,
  type ModelVectors,
  type RetrievalLabels,
} from "../retrieval/evaluation";
export { comparisonTable } from "../retrieval/comparison_table";
export { confusionTable, type DatasetConfusion, datasetConfusion } from "../retrieval/confusion";
// is it in the index at all
export { judge, type JudgeOptions, type Verdict } from "../verdict/judge";
export { verdictTable } from "../verdict/verdict_table";
// shorter vectors, maps
export { compareReductions } from "../experiments/reduce";
export { fitPca, type Reduction, randomProjection, reduceRows } from "../retrieval/reduction";
export { readReduction, writeReduction } from "../retrieval/reduction_file";
// models without training
export { fitWhitening } from "../retrieval/whitening";
export { fitLda } from "../retrieval/lda";
export { fitTransformModel, type TransformRequest } from "../experiments/fit_transform";
export { type TransformModel, transformTable } from "../embedding/transform_model";
export { type EmbeddingMap, pcaMap, umapMap } from "../retrieval/embedding_map";
