// Model_Preparation: towers, their weights, and the backbone (both together).

export { findTower, parameterCount, TOWERS, towerShapes } from "../model/towers";
export type { Tower } from "../model/tower";
export { type PreparedModel, prepareModel } from "../pretrained/prepare_model";
export { openSafetensors } from "../formats/safetensors";
export { openPyTorch } from "../formats/pytorch";
export type { TensorFile } from "../formats/tensor_file";
export { freshTower, towerFile } from "../model/tower_weights";
export { toTensors } from "../model/weight_source";
export { vitFeatures, type Weights } from "../model/vit";
export { type Backbone, loadBackbone } from "../model/backbone";
