// Text for a shell, in the commands that messages propose.

/** Returns a path for a shell, in quotes if it needs them. */
export function shellQuoted(path: string): string {
  return /^[\w./@+=,:-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
