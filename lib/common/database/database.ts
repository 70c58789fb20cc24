// A DuckDB database in memory, and SQL expressions.
import { closeSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { openRegularFile } from "../files/regular_file";
import { checkInterrupt } from "../interrupt";
import { type ResultRow, type RowColumns, rowFileQuery, throughRowFile } from "./row_file";

/** The limit of memory. The full tables (3 M rows in, 6 M out) need 1 GB; larger ones spill to files. */
const MEMORY_LIMIT = "2GB";
/** The most threads: each of DuckDB's takes memory of its own, and 16 saturate the disk. */
const MOST_THREADS = 16;

/**
 * Runs `work` on a new DuckDB in memory and closes it afterwards.
 * @param threads CPU threads; by default all, at most 16. Results do not depend on it.
 */
export async function withDatabase<T>(
  work: (database: Database) => Promise<T>,
  threads = Math.min(availableParallelism(), MOST_THREADS),
): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:", {
    temp_directory: join(tmpdir(), `guie-duckdb-${process.pid}`), // used only if memory does not suffice
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    memory_limit: MEMORY_LIMIT,
    threads: String(threads),
  });
  const connection = await instance.connect();
  const database = new Database(connection);
  try {
    return await work(database);
  } finally {
    connection.closeSync();
    instance.closeSync();
    database.closeFiles();
  }
}

/** An open connection to DuckDB. */
export class Database {
  readonly #connection: DuckDBConnection;
  readonly #files: number[] = [];

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** Runs one statement, off the main thread. @throws Interrupted before it begins */
  async run(sql: string): Promise<void> {
    await checkInterrupt();
    await this.#connection.run(sql);
  }

  /** Returns the rows of a query as objects, for small results. */
  async rows<Row>(sql: string): Promise<Row[]> {
    await checkInterrupt();
    const reader = await this.#connection.runAndReadAll(sql);
    return reader.getRowObjectsJS().map((row) => {
      const cells = Object.entries(row).map(([name, value]) => [name, plain(value)]);
      return Object.fromEntries(cells) as Row;
    });
  }

  /**
   * Opens a file for reading, until the database is closed. DuckDB takes a path for a pattern (`*`, `?`, `[1]`) and its
   * folders for columns (`labels=3`), but not the number of an open file. COPY takes a path as it is.
   * @returns the file's name in a query, as an SQL string
   */
  openFile(path: string): string {
    const file = openRegularFile(path);
    this.#files.push(file);
    return sqlText(`/dev/fd/${file}`);
  }

  /** Closes the files of `openFile`. */
  closeFiles(): void {
    for (const file of this.#files.splice(0)) closeSync(file);
  }

  /** Returns the only row of a query. */
  async row<Row>(sql: string): Promise<Row> {
    return (await this.rows<Row>(sql))[0]!;
  }

  /**
   * Calls `use` with every row of a large result, in the query's order. A temporary file of the result's size is in
   * the system's folder for them meanwhile.
   * @param columns those of the query, by name
   * @example
   * await database.eachRow("SELECT image, label FROM images", { numbers: ["label"], texts: ["image"] }, (row) => {
   *   labels.push(row.numbers[0]!);
   *   files.push(row.text(0));
   * });
   */
  eachRow(sql: string, columns: RowColumns, use: (row: ResultRow) => void): Promise<void> {
    return throughRowFile(columns, (path) => this.run(rowFileQuery(sql, columns, sqlText(path))), use);
  }
}

function plain(value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

/** Quotes `text` as an SQL string. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Returns an SQL expression to sort by: a random order that depends only on the seed, the purpose and the row's `key`
 * (an SQL expression), not on the order of the rows, the machine or the number of threads. Uses MD5, because DuckDB's
 * own `hash()` may change between versions.
 */
export function randomOrder(seed: number, purpose: string, key: string): string {
  return `md5_number(${sqlText(`${seed}:${purpose}:`)} || ${key})`;
}
