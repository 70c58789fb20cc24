// Get_Data: the data sets, their raw folders, one table of images and classes per data set.

export { allDataSets, DATA_SETS, type DataSet, DEMO_SET, findDataSet } from "../datasets/catalogue";
export { drawDemo } from "../datasets/demo/draw";
export type { OwnSource } from "../datasets/own/own_images";
export { ownNameOf } from "../datasets/own_sets";
export { getPhotos, type RecognisedPhotos, recognisePhotos } from "../datasets/get_photos";
export { describeRaw, inspectRaw, type RawStatus, rawFolder } from "../datasets/raw_folder";
export { dataSetsToRead, isDemoFolder, unreadRaw, unreadTables, unreadText } from "../datasets/unknown_files";
export { type GetDataResult, getData, getDataOfAll, presentDataSets } from "../datasets/get_data";
export { readClassNames } from "../datasets/class_names";
