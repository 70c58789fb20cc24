// Export: a trained model, or a tower alone, for other software.

export { type ExportRequest, type ExportResult, exportRun, FORMATS } from "../export/export_run";
export { type ExportedWeights, exportWeights } from "../export/tower_file";
