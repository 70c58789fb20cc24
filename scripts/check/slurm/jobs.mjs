// Jobs of the check: submits them, waits for their states, reads what they printed.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** States in which a job is over. A requeued job is pending again. */
const OVER = ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL"];

/** Tells whether a job in that state is over. */
export function isOver(state) {
  return OVER.includes(state);
}

/** A submitted job, or an array of jobs. */
export class Job {
  id;
  #cluster;
  #folder;
  #hurried = new Set();

  /**
   * Submits a job.
   * @param folder folder of its output
   * @param options options of sbatch
   * @param script path of the job script, below the project's folder
   * @param args the script's arguments
   */
  constructor(cluster, folder, options, script, args) {
    this.#cluster = cluster;
    this.#folder = folder;
    const output = `--output=${join(folder, "job-%j.txt")}`;
    this.id = cluster.run("sbatch", "--parsable", output, ...options, script, ...args).trim();
  }

  /** Returns what Slurm says about the job, one record for each task of an array. */
  records() {
    const lines = this.#cluster.run("scontrol", "show", "job", "--oneliner", this.id).split("\n");
    return lines.filter(Boolean).map((line) => {
      const value = (name) => new RegExp(`\\b${name}=(\\S+)`).exec(line)?.[1];
      const [id, state, task, node] = ["JobId", "JobState", "ArrayTaskId", "NodeList"].map(value);
      return { id, state, task, node, restarts: Number(value("Restarts")), line };
    });
  }

  /** Waits until every task of the job is over; returns the records. */
  async over(seconds, options) {
    return await this.until((records) => records.every(({ state }) => isOver(state)), seconds, options);
  }

  /** Lets a requeued task start in ten seconds: in the second in which it ended, a node would refuse it. */
  #hurry({ id, restarts, line }) {
    if (!line.includes("Reason=BeginTime") || this.#hurried.has(`${id} ${restarts}`)) return;
    this.#hurried.add(`${id} ${restarts}`);
    this.#cluster.run("scontrol", "update", `JobId=${id}`, "StartTime=now+10");
  }

  /** Lets the job's next start take more minutes. */
  extend(minutes) {
    this.#cluster.run("scontrol", "update", `JobId=${this.id}`, `TimeLimit=${minutes}`);
  }

  /**
   * Waits until `test(records)` is true; returns the records.
   * @param isHurried start requeued tasks soon: Slurm would let them wait for two minutes
   */
  async until(test, seconds, { isHurried = false } = {}) {
    for (const end = Date.now() + 1000 * seconds; ; await sleep(200)) {
      const records = this.records();
      if (test(records)) return records;
      if (isHurried) for (const record of records) this.#hurry(record);
      const lines = records.map(({ line }) => line).join("\n");
      assert.ok(Date.now() < end, `job ${this.id}, after ${seconds} s: ${lines}\n${this.output()}`);
    }
  }

  /** Returns everything that the job's tasks have printed. */
  output() {
    const paths = this.records().map(({ id }) => join(this.#folder, `job-${id}.txt`));
    return paths.flatMap((path) => (existsSync(path) ? [readFileSync(path, "utf8")] : [])).join("\n");
  }
}
