// Data_preprocessing: dropping of small classes, resizing; and decoding, augmentation and loading of images.

export { preparedDataSets, preprocessedDataSets } from "../preprocessing/present_data_sets";
export { type PreprocessResult, preprocessDataSets, preprocessDataset } from "../preprocessing/preprocess";
export type { PixelRule } from "../images/readers/options";
export { decodeRgb } from "../images/decode";
export type { RgbImage } from "../images/pixels/rgb_image";
export { loadImages } from "../images/loading/loader";
export { drawAugmentPlan } from "../images/loading/augment_plan";
export { augment } from "../images/loading/augment";
export { augmentationRows } from "../config/augmentation";
