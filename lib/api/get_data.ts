// Get_Data: the data sets, their raw folders, one table of images and classes per data set.

export { DATA_SETS, type DataSet, DEMO_SET, findDataSet } from "../datasets/catalogue";
export { drawDemo } from "../datasets/demo/draw";
export { describeRaw, inspectRaw, type RawStatus, rawFolder } from "../datasets/raw_folder";
export { dataSetsToRead, isDemoFolder, unreadRaw, unreadTables, unreadText } from "../datasets/unknown_files";
export { type GetDataResult, getData, getDataOfAll, presentDataSets } from "../datasets/get_data";
export { readClassNames } from "../datasets/class_names";
