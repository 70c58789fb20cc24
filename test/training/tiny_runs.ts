// Tiny runs of one test file, their data and their names.
import { rmSync } from "node:fs";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { runFolder } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { makeTinyData } from "./tiny_data";

/** Runs of one test file. */
export class TinyRuns {
  /** Set by `start`. */
  dataDir = "";
  readonly #prefix: string;
  readonly #shape: Partial<TrainConfig>;
  readonly #made: string[] = [];

  /**
   * @param what the test file, in the runs' names
   * @param shape settings of all of them
   */
  constructor(what: string, shape: Partial<TrainConfig>) {
    this.#prefix = `test-${what}-${process.pid}`;
    this.#shape = shape;
  }

  /** Makes the data: for `before`. */
  async start(): Promise<void> {
    this.dataDir = await makeTinyData();
  }

  /** Deletes data and runs: for `after`. */
  end(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
    for (const name of this.#made) rmSync(runFolder(name), { recursive: true, force: true });
  }

  /** A run's full name (a full one stays as it is); its folder goes with the tests. */
  name(name: string): string {
    const runName = name.startsWith(this.#prefix) ? name : `${this.#prefix}-${name}`;
    this.#made.push(runName);
    return runName;
  }

  config(name: string, overrides: Partial<TrainConfig> = {}, stage: TrainConfig["stage"] = "fine_tune") {
    const own = { runName: this.name(name), dataDir: this.dataDir };
    return overrideConfig(tiny(stage), { ...own, ...this.#shape, ...overrides });
  }

  /** A prepared run's folder. */
  prepare(
    name: string,
    overrides: Partial<TrainConfig> = {},
    stage: TrainConfig["stage"] = "fine_tune",
  ): string {
    return prepareRunFolder(this.config(name, overrides, stage));
  }
}
