/** Operation -> why it belongs on the CPU, for those of the traced graphs that have no GPU kernel. None so far. */
export const GPU_EXCUSES = {};
