/** Why an exported model's images are resized on the CPU. */
const BEFORE_THE_TOWER =
  "of an exported model's input: images of any size become small ones, before the tower";

/** Operation, or operation with its dtypes -> why it belongs on the CPU, for those of the traced graphs that have no GPU kernel. */
export const GPU_EXCUSES = {
  ResizeArea: BEFORE_THE_TOWER,
  "GatherV2(Tparams: uint8, Tindices: int32, Taxis: int32)": BEFORE_THE_TOWER,
};
