// Names of splits: train, validation, test, and the words that people write for them.

/** A split; "" for an image in none. */
export type Split = "train" | "validation" | "test" | "";

const WORDS: Readonly<Record<Exclude<Split, "">, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["val", "valid", "validation", "dev"],
  test: ["test", "testing"],
};

/** Returns the split that a folder or a cell names ("Valid" -> "validation"); undefined if it names none. */
export function splitOf(name: string): Exclude<Split, ""> | undefined {
  const word = name.trim().toLowerCase();
  const found = Object.entries(WORDS).find(([, words]) => words.includes(word));
  return found?.[0] as Exclude<Split, ""> | undefined;
}
