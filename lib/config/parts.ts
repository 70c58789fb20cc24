// Named parts of the config that span several concerns, one for each component that needs them.
import type { AugmentationSettings } from "./augmentation";
import type { DataSettings, TableSettings } from "./data";
import type { ArcFaceSettings, LossSettings, PairLossSettings, PrefixSettings } from "./loss";
import type { ClassRowSettings, ModelSettings, NeckSettings, PatchPoolingSettings } from "./model";
import type {
  AverageSettings,
  BatchSettings,
  EpochSettings,
  GroupSettings,
  OptimiserSettings,
} from "./optimiser";
import type { BucketSettings, PlaceSettings, ProcessSettings, ShardSettings } from "./processes";
import type { RunSettings, SeedSettings } from "./run";
import type { SamplingSettings } from "./sampling";
import type { StartSettings } from "./start";

/** The setting that chooses what a run trains. */
export type StageSettings = Pick<RunSettings, "stage">;

/** Settings that a backbone's graph depends on. */
export type FeatureSettings = Pick<ModelSettings, "imageSize" | "lastBlocks"> &
  Partial<PatchPoolingSettings & Pick<ModelSettings, "loraAlpha"> & Pick<OptimiserSettings, "precision">>;

/** Settings that define the low-rank adapters of a tower. */
export type AdapterSettings = Pick<ModelSettings, "loraRank"> & Pick<OptimiserSettings, "trainedBlocks">;

/** Settings that choose a tower's weights. */
export type TowerWeightSettings = Pick<ModelSettings, "weights" | "imageSize"> & SeedSettings;

/** Settings that choose the backbone and its features. */
export type BackboneSettings = Pick<ModelSettings, "tower"> & TowerWeightSettings & FeatureSettings;

/** Settings that features of image files depend on. */
export type FileFeatureSettings = Required<BackboneSettings> &
  Pick<ModelSettings, "resizeMode"> &
  Pick<DataSettings, "dataDir"> &
  Pick<SamplingSettings, "numWorkers">;

/** Settings that neck and head depend on. */
export type HeadSettings = NeckSettings & ClassRowSettings & Pick<LossSettings, "classSizeMargin" | "heads">;

/** Settings that change the training loss. */
export type TrainingLossSettings = ArcFaceSettings & PairLossSettings & PrefixSettings & ClassRowSettings;

/** Settings that choose a run's tables and held-out classes. */
export type RunDataSettings = TableSettings & Pick<DataSettings, "holdOutShare"> & SeedSettings;

/** Settings that name a run's inputs: tables, features and the tower's weights. */
export type MadeOfSettings = Pick<
  DataSettings,
  "dataDir" | "csv" | "features" | "holdOutShare" | "imagesFrom"
> &
  Pick<ModelSettings, "weights">;

/** Settings of a preview of training images: the table, and how images are read. */
export type ShownImageSettings = RunDataSettings &
  AugmentationSettings &
  Pick<ModelSettings, "imageSize" | "resizeMode"> &
  Pick<SamplingSettings, "numWorkers">;

/** Settings that order the rows of an epoch; `batchSize` is that of one process. */
export type SamplerSettings = Pick<SamplingSettings, "sampler" | "samplesPerClass"> &
  Pick<OptimiserSettings, "batchSize"> &
  SeedSettings;

/** Settings that order the rows of an epoch by their data sets. */
export type DataSetOrderSettings = SamplerSettings & Pick<SamplingSettings, "dataSetSampling">;

/** Settings that order the rows of an epoch by the tars that have them. */
export type TarOrderSettings = Pick<SamplingSettings, "shuffleBuffer"> & SeedSettings;

/** Settings that find a run's rows in tars. */
export type TarRowSettings = TarOrderSettings &
  SamplerSettings &
  EpochSettings &
  Pick<DataSettings, "dataDir" | "csv">;

/** Settings that define the batches of a run. */
export type BatchSourceSettings = DataSetOrderSettings &
  EpochSettings &
  AugmentationSettings &
  Pick<OptimiserSettings, "accumulationSteps"> &
  Pick<DataSettings, "dataDir"> &
  Pick<ModelSettings, "imageSize" | "resizeMode"> &
  Pick<SamplingSettings, "numWorkers">;

/** Settings that a run's initial weights depend on. */
export type FirstWeightSettings = HeadSettings &
  TowerWeightSettings &
  StartSettings &
  Pick<DataSettings, "dataDir" | "csv" | "features" | "holdOutShare" | "imagesFrom">;

/** Settings of a step's random inputs. */
export type FeedSettings = BatchSettings &
  Pick<ModelSettings, "dropout" | "patchDropout"> &
  Pick<ProcessSettings, "classShare"> &
  SeedSettings;

/** Settings that change the graph of a training step. */
export type StepSettings = TrainingLossSettings &
  GroupSettings &
  Pick<
    OptimiserSettings,
    "precision" | "accumulationSteps" | "initLr" | "backboneLrFactor" | "trainedBlocks"
  > &
  Pick<OptimiserSettings, "weightDecayOn" | "clipNorm">;

/** Settings of a trainer: its computation and its learning rates. */
export type TrainerSettings = StageSettings &
  SeedSettings &
  LossSettings &
  ShardSettings &
  OptimiserSettings &
  ClassRowSettings &
  Pick<ModelSettings, "dropout" | "patchDropout">;

/** Settings that change the graphs of training and embedding. */
export type GraphSettings = Pick<RunSettings, "configName" | "stage"> &
  Pick<OptimiserSettings, "gradientCheckpointing"> &
  HeadSettings &
  FeatureSettings &
  Pick<ModelSettings, "tower" | "patchDropout"> &
  AdapterSettings &
  StepSettings &
  AverageSettings &
  PlaceSettings &
  BucketSettings &
  ShardSettings;

/** Settings that determine a run's final weights: all but its name, its checkpoints and its log. */
export type TrainingSettings = Pick<RunSettings, "configName" | "stage"> &
  DataSettings &
  SeedSettings &
  ModelSettings &
  LossSettings &
  ProcessSettings &
  OptimiserSettings &
  StartSettings &
  SamplingSettings &
  AugmentationSettings;

/** Settings that the memory of a run's process depends on. */
export type MemorySettings = StageSettings &
  HeadSettings &
  FeatureSettings &
  Pick<ModelSettings, "tower" | "patchDropout"> &
  BatchSettings &
  AverageSettings &
  Pick<OptimiserSettings, "gradientCheckpointing"> &
  AdapterSettings &
  Pick<ProcessSettings, "shardHead">;

/** Settings that choose the data of the frozen stage. */
export type FrozenDataSettings = RunDataSettings &
  Pick<DataSettings, "features"> &
  FileFeatureSettings &
  Pick<ModelSettings, "evalImageSize"> &
  MemorySettings;

/** Settings that the duration of a run depends on. */
export type EstimateSettings = FrozenDataSettings & PlaceSettings & SamplerSettings & EpochSettings;

/** Settings that the duration of a step in many processes depends on. */
export type ScalingSettings = Omit<HeadSettings, "classSizeMargin" | "heads"> &
  Required<FeatureSettings> &
  BucketSettings &
  Pick<ModelSettings, "tower"> &
  Pick<OptimiserSettings, "batchSize" | "gradientCheckpointing"> &
  Pick<ProcessSettings, "shardHead">;

/** Settings of the comparison of pixels, a backbone and runs on held-out classes. */
export type ComparisonSettings = FileFeatureSettings &
  TableSettings &
  Pick<ModelSettings, "standardise" | "evalImageSize">;

/** Settings that a run's model needs to embed images. */
export type EmbedderSettings = StageSettings & FileFeatureSettings & Pick<ModelSettings, "evalImageSize">;

/** Settings that the shapes of a run's weights depend on. */
export type WeightShapeSettings = StageSettings &
  HeadSettings &
  FeatureSettings &
  AdapterSettings &
  Pick<ModelSettings, "tower" | "loraAlpha"> &
  Pick<DataSettings, "features">;

/** Settings that define the meaning of a run's weights. */
export type WeightMeaningSettings = StageSettings &
  NeckSettings &
  ClassRowSettings &
  PatchPoolingSettings &
  Pick<ModelSettings, "tower" | "weights" | "imageSize" | "evalImageSize" | "resizeMode" | "lastBlocks">;
