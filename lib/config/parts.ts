// What components need of several concerns, each under one name.
import type { DataSettings, TableSettings } from "./data";
import type { ArcFaceSettings, LossSettings } from "./loss";
import type { ClassRowSettings, ModelSettings, NeckSettings } from "./model";
import type { AverageSettings, BatchSettings, OptimiserSettings } from "./optimiser";
import type { BucketSettings, PlaceSettings, ProcessSettings, ShardSettings } from "./processes";
import type { RunSettings, SeedSettings } from "./run";
import type { SamplingSettings } from "./sampling";
import type { StartSettings } from "./start";

/** The settings that say what a run trains. */
export type StageSettings = Pick<RunSettings, "stage">;

/** The settings that a backbone's graph depends on. */
export type FeatureSettings = Pick<ModelSettings, "imageSize" | "lastBlocks"> &
  Partial<Pick<ModelSettings, "patchMean"> & Pick<OptimiserSettings, "precision">>;

/** The settings that say which weights a tower has. */
export type TowerWeightSettings = Pick<ModelSettings, "weights" | "imageSize"> & SeedSettings;

/** The settings that say which backbone, and what its features are. */
export type BackboneSettings = Pick<ModelSettings, "tower"> & TowerWeightSettings & FeatureSettings;

/** The settings on which features of images on disk depend. */
export type FileFeatureSettings = Required<BackboneSettings> &
  Pick<DataSettings, "dataDir"> &
  Pick<SamplingSettings, "numWorkers">;

/** The settings on which neck and head depend. */
export type HeadSettings = NeckSettings & ClassRowSettings & Pick<LossSettings, "classSizeMargin">;

/** The settings that change the training loss. */
export type TrainingLossSettings = ArcFaceSettings & ClassRowSettings;

/** The settings that tell which tables a run reads, and which of their classes it holds out. */
export type RunDataSettings = TableSettings & Pick<DataSettings, "holdOutShare"> & SeedSettings;

/** The settings that name what a run is made of. */
export type MadeOfSettings = Pick<DataSettings, "dataDir" | "csv" | "features" | "holdOutShare"> &
  Pick<ModelSettings, "weights">;

/** The settings that say which training images are shown, and how they are read. */
export type ShownImageSettings = RunDataSettings &
  Pick<ModelSettings, "imageSize"> &
  Pick<SamplingSettings, "numWorkers">;

/** The settings that order the rows of an epoch; `batchSize` is that of one process. */
export type SamplerSettings = Pick<SamplingSettings, "sampler" | "samplesPerClass"> &
  Pick<OptimiserSettings, "batchSize"> &
  SeedSettings;

/** The settings that say which batches a run sees. */
export type BatchSourceSettings = SamplerSettings &
  Pick<OptimiserSettings, "maxStepsPerEpoch" | "nEpochs" | "accumulationSteps"> &
  Pick<DataSettings, "dataDir"> &
  Pick<ModelSettings, "imageSize"> &
  Pick<SamplingSettings, "numWorkers">;

/** The settings that a run's first weights depend on. */
export type FirstWeightSettings = HeadSettings &
  TowerWeightSettings &
  StartSettings &
  Pick<DataSettings, "dataDir" | "csv" | "features" | "holdOutShare">;

/** The settings that say what a step is fed at random. */
export type FeedSettings = BatchSettings &
  Pick<ModelSettings, "dropout"> &
  Pick<ProcessSettings, "classShare"> &
  SeedSettings;

/** The settings that change the graph of a training step. */
export type StepSettings = TrainingLossSettings &
  Pick<
    OptimiserSettings,
    "precision" | "accumulationSteps" | "initLr" | "backboneLrFactor" | "weightDecay" | "trainedBlocks"
  >;

/** The settings of a trainer: what it computes, and with which rates. */
export type TrainerSettings = StageSettings &
  SeedSettings &
  LossSettings &
  ShardSettings &
  OptimiserSettings &
  ClassRowSettings &
  Pick<ModelSettings, "dropout">;

/** The settings that change the graphs of training and embedding. */
export type GraphSettings = Pick<RunSettings, "configName" | "stage"> &
  Pick<OptimiserSettings, "gradientCheckpointing"> &
  HeadSettings &
  FeatureSettings &
  Pick<ModelSettings, "tower"> &
  StepSettings &
  AverageSettings &
  PlaceSettings &
  BucketSettings &
  ShardSettings;

/** The settings that decide which weights a run arrives at: all but its name, its checkpoints and its log. */
export type TrainingSettings = Pick<RunSettings, "configName" | "stage"> &
  DataSettings &
  SeedSettings &
  ModelSettings &
  LossSettings &
  ProcessSettings &
  OptimiserSettings &
  StartSettings &
  SamplingSettings;

/** The settings on which the memory of a run's process depends. */
export type MemorySettings = StageSettings &
  HeadSettings &
  FeatureSettings &
  Pick<ModelSettings, "tower"> &
  BatchSettings &
  AverageSettings &
  Pick<OptimiserSettings, "gradientCheckpointing" | "trainedBlocks"> &
  Pick<ProcessSettings, "shardHead">;

/** The settings that say what the frozen stage trains on. */
export type FrozenDataSettings = RunDataSettings &
  Pick<DataSettings, "features"> &
  FileFeatureSettings &
  MemorySettings;

/** The settings on which the duration of a run depends. */
export type EstimateSettings = FrozenDataSettings &
  PlaceSettings &
  Pick<OptimiserSettings, "nEpochs" | "maxStepsPerEpoch">;

/** The settings that a step's time in many processes depends on. */
export type ScalingSettings = Omit<HeadSettings, "classSizeMargin"> &
  Required<FeatureSettings> &
  BucketSettings &
  Pick<ModelSettings, "tower"> &
  Pick<OptimiserSettings, "batchSize" | "gradientCheckpointing"> &
  Pick<ProcessSettings, "shardHead">;

/** The settings by which pixels, a backbone and runs are compared on held-out classes. */
export type ComparisonSettings = FileFeatureSettings & TableSettings & Pick<ModelSettings, "standardise">;

/** The settings by which a run's model embeds images. */
export type EmbedderSettings = StageSettings & FileFeatureSettings;

/** The settings on which the shapes of a run's weights depend. */
export type WeightShapeSettings = StageSettings &
  HeadSettings &
  FeatureSettings &
  Pick<ModelSettings, "tower"> &
  Pick<DataSettings, "features">;

/** The settings that say what the weights of a run mean. */
export type WeightMeaningSettings = StageSettings &
  NeckSettings &
  ClassRowSettings &
  Pick<ModelSettings, "tower" | "weights" | "imageSize" | "lastBlocks" | "patchMean">;
