// Tiny runs for a test file: their data, names and configs.
import { rmSync } from "node:fs";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { runFolder } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { makeTinyData } from "./tiny_data";

/** Runs of one test file. */
export class TinyRuns {
  /** The data directory; set by `start`. */
  dataDir = "";
  readonly #prefix: string;
  readonly #shape: Partial<TrainConfig>;
  readonly #made: string[] = [];

  /**
   * @param what part of the runs' names, for the test file
   * @param shape settings of all runs
   */
  constructor(what: string, shape: Partial<TrainConfig>) {
    this.#prefix = `test-${what}-${process.pid}`;
    this.#shape = shape;
  }

  /** Makes the data; for `before`. */
  async start(): Promise<void> {
    this.dataDir = await makeTinyData();
  }

  /** Deletes data and runs; for `after`. */
  end(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
    for (const name of this.#made) rmSync(runFolder(name), { recursive: true, force: true });
  }

  /** Returns a run's full name (a full one is unchanged); `end` deletes its folder. */
  name(name: string): string {
    const runName = name.startsWith(this.#prefix) ? name : `${this.#prefix}-${name}`;
    this.#made.push(runName);
    return runName;
  }

  /** Returns the config of a run of this name. */
  config(name: string, overrides: Partial<TrainConfig> = {}, stage: TrainConfig["stage"] = "fine_tune") {
    const place = { runName: this.name(name), dataDir: this.dataDir };
    return overrideConfig(tiny(stage), { ...place, ...this.#shape, ...overrides });
  }

  /** Prepares a run, and returns its folder. */
  prepare(
    name: string,
    overrides: Partial<TrainConfig> = {},
    stage: TrainConfig["stage"] = "fine_tune",
  ): string {
    return prepareRunFolder(this.config(name, overrides, stage));
  }
}
