/** What PyTorch's DataParallel puts before every name. */
const WRAPPER = "module.";
/** Where open_clip keeps the image tower beside the text tower. */
const VISUAL = "visual.";

/**
 * The tensors of an image tower in a file, by the tower's own names: `module.` before every name is cut off, and of
 * a whole CLIP only what stands below `visual.` is taken.
 * @returns tower's name -> name in the file
 */
export function visualNames(names: readonly string[]): Map<string, string> {
  const wrapped = names.every((name) => name.startsWith(WRAPPER));
  const all = names.map((name) => [wrapped ? name.slice(WRAPPER.length) : name, name] as const);
  const visual = all.filter(([name]) => name.startsWith(VISUAL));
  if (visual.length === 0) return new Map(all);
  return new Map(visual.map(([name, inFile]) => [name.slice(VISUAL.length), inFile]));
}
