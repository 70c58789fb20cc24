// Operations of traced graphs that may run on the CPU.
/** Reason for operations on an exported model's input. */
const BEFORE_THE_TOWER = "on an exported model's input: images of any size are resized before the tower";

/** Operation, or operation with its dtypes, without a GPU kernel -> the reason why it may run on the CPU. */
export const GPU_EXCUSES = {
  ResizeArea: BEFORE_THE_TOWER,
  "GatherV2(Tparams: uint8, Tindices: int32, Taxis: int32)": BEFORE_THE_TOWER,
};
