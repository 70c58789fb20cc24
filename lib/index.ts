// What a notebook imports: `import * as guie from "guie"`, or single names. lib/api has a file per stage.
export * from "./api/photos";
export * from "./api/common";
export * from "./api/get_data";
export * from "./api/preprocessing";
export * from "./api/merge";
export * from "./api/model_preparation";
export * from "./api/train";
export * from "./api/inference";
export * from "./api/export";
export * from "./api/show";
export * from "./api/widgets";
export * from "./api/engine";
