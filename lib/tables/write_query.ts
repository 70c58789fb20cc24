// Writes a table of the data directory, the rows of a DuckDB query, as CSV.

import { type Database, sqlText } from "../common/database/database";
import { messageOf, UserError } from "../common/errors";
import { Interrupted } from "../common/interrupt";

/**
 * Writes the rows of a query to `path`, with a header line.
 * @throws UserError if the file cannot be written: a full disk, a write-protected folder
 */
export async function writeQuery(database: Database, query: string, path: string): Promise<void> {
  try {
    await database.run(`COPY (${query}) TO ${sqlText(path)} (FORMAT csv, HEADER)`);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const reason = messageOf(error).split("\n")[0]; // includes the file's name
    throw new UserError(
      `A table could not be written: ${reason}. The files from before are as they were.`,
      "Make room on that disk (the full tables need about 1.5 GB), or give another data directory.",
      { cause: error },
    );
  }
}
