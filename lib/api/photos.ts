// Your own photos: load a model, embed a folder, search it, train on its classes, compare, use it.

export { type Embeddable, type Embedded, loadModel, type Model } from "../photos/model";
export { images } from "../photos/read_images";
export { type HeldOutImages, holdOut, type Images } from "../photos/images";
export { search } from "../photos/search";
export type { Finding, QueryHits } from "../finding/find_photos";
export { foundGrid } from "../notebook/views/gallery";
export { type FineTuneOptions, fineTune } from "../photos/fine_tune";
export { compare } from "../photos/compare";
export { type ServeOptions, serve } from "../photos/serve";
export { type FitOptions, type FitReport, fit } from "../photos/fit";
