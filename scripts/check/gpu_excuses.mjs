/** Operation -> why it belongs on the CPU, for those of the traced graphs that have no GPU kernel. */
export const GPU_EXCUSES = {
  ResizeArea: "of an exported model's input: a few images of any size become small ones, before the tower",
};
