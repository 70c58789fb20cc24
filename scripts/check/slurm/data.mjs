// Data steps of the check: an array job does them in parts on both nodes, one part is cancelled or killed at its work, and
// a last job completes them. All files must be those of one process.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { contents } from "../contents.mjs";
import { guie } from "./guie.mjs";
import { Job } from "./jobs.mjs";
import { processes } from "./processes.mjs";

const require = createRequire(import.meta.url);
const { randomStream } = require("guie/dist/common/random");

const SCRIPT = "scripts/cluster/data.sbatch";
const PARTS = 4;
/** The part that is cancelled or killed. */
const DISTURBED = 2;
/** Photos of each class: a large folder and small ones. */
const PHOTOS = { mugs: 400, plates: 40, spoons: 40 };
const SIDE_PX = 400;
const PATIENCE_SECONDS = 300;

/** Records whose order, or times, depend on the process that wrote them. */
const RULES = { "^sources\\.json$": "differs", "^sources\\.jsonl$": "differs" };

/** Runs data steps on a cluster. */
export class DataCases {
  /** The row of what the others are compared with. */
  standard = "preprocess and embed in one process";
  #cluster;
  #folder;
  #photos;

  /** @param folder folder for photos, data and the jobs' output */
  constructor(cluster, folder) {
    this.#cluster = cluster;
    this.#folder = folder;
    this.#photos = join(folder, "photos");
  }

  /** Makes the photos, and the outputs of one process. @returns the seconds of the steps */
  async prepare() {
    await writePhotos(this.#photos);
    for (const who of ["alone", "shared"]) {
      const own = ["--dataset", "shop", "--raw", this.#photos];
      await guie("get-data", "--data-dir", this.#dataDir(who), ...own);
    }
    const startedAtMs = Date.now();
    await guie(...this.#preprocess("alone"));
    await guie(...this.#embed("alone"));
    return (Date.now() - startedAtMs) / 1000;
  }

  /** Returns the cases, as TrainingCases does. */
  all() {
    return [
      {
        what: `preprocess in ${PARTS} parts, one cancelled: the last call does it`,
        nodes: 2,
        run: () =>
          this.#inParts(this.#preprocess("shared"), "final_data_224", (parts) => this.#cancel(parts)),
      },
      {
        what: `embed in ${PARTS} parts, one killed: requeued by its script`,
        nodes: 2,
        run: () => this.#inParts(this.#embed("shared"), "vectors", (parts) => this.#kill(parts)),
      },
    ];
  }

  /** Runs a step as an array job, disturbs it, completes it. @param output what the step writes */
  async #inParts(args, output, disturb) {
    // Two parts fit on a node of four cores
    const parts = this.#submit([`--array=1-${PARTS}`, "--cpus-per-task=2"], args);
    const last = this.#submit([`--dependency=afterany:${parts.id}`], args);
    await this.#atWork(parts);
    await disturb(parts);
    await parts.over(PATIENCE_SECONDS, { isHurried: true });
    const [{ state }] = await last.over(PATIENCE_SECONDS);
    assert.equal(state, "COMPLETED", `${parts.output()}\n${last.output()}`);
    const nodes = new Set(parts.records().map(({ node }) => node));
    assert.deepEqual([...nodes].sort(), ["n1", "n2"], "the parts did not run on both nodes");
    const [shared, alone] = ["shared", "alone"].map((who) =>
      contents([join(this.#dataDir(who), output)], RULES),
    );
    assert.deepEqual(shared, alone);
    const left = readdirSync(this.#dataDir("shared"), { recursive: true }).filter((path) =>
      basename(path).startsWith("."),
    );
    assert.deepEqual(left, [], "temporary files are left");
    return `${Object.keys(alone).length} files, byte for byte`;
  }

  /** Waits until the part to be disturbed does its work: it owns its place. */
  async #atWork(parts) {
    const owner = `.${DISTURBED}_of_${PARTS}.owner`;
    for (const end = Date.now() + 1000 * PATIENCE_SECONDS; ; await sleep(10)) {
      const files = readdirSync(this.#dataDir("shared"), { recursive: true });
      if (files.some((path) => path.endsWith(owner))) return;
      assert.ok(Date.now() < end, `part ${DISTURBED} did not begin: ${parts.output()}`);
    }
  }

  /** Cancels a part: Slurm kills it, and does not start it again. */
  async #cancel(parts) {
    this.#cluster.run("scancel", "--signal=KILL", `${parts.id}_${DISTURBED}`);
    await parts.until((records) => stateOf(records).state === "CANCELLED", PATIENCE_SECONDS);
  }

  /** Kills a part's process on its node, as the kernel does when memory is short; its script requeues it. */
  async #kill(parts) {
    const victim = processes().find(
      ({ words, environment }) =>
        environment.SLURM_ARRAY_TASK_ID === `${DISTURBED}` && words.some((word) => word.endsWith("guie")),
    );
    process.kill(victim.pid, "SIGKILL");
    await parts.until((records) => stateOf(records).restarts === 1, PATIENCE_SECONDS);
  }

  #submit(options, args) {
    return new Job(this.#cluster, this.#folder, options, SCRIPT, args);
  }

  #dataDir(who) {
    return join(this.#folder, who, "data");
  }

  #preprocess(who) {
    return ["preprocess", "--data-dir", this.#dataDir(who)];
  }

  #embed(who) {
    const out = ["--out", join(this.#dataDir(who), "vectors"), "--rows-per-shard", "50"];
    return ["embed", this.#photos, ...out, "--config-name", "tiny"];
  }
}

/** Returns the record of the disturbed part. */
function stateOf(records) {
  return records.find(({ task }) => task === `${DISTURBED}`) ?? {};
}

/** Writes photos of noise: all different, none quick to decode. */
async function writePhotos(folder) {
  const random = randomStream(7, "photos");
  for (const [name, count] of Object.entries(PHOTOS)) {
    if (!existsSync(join(folder, name))) mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const data = Buffer.from(Array.from({ length: 3 * 40 * 30 }, () => random.integer(0, 255)));
      const photo = sharp(data, { raw: { width: 40, height: 30, channels: 3 } }).resize(
        SIDE_PX,
        SIDE_PX - 60,
      );
      await photo.jpeg({ quality: 95 }).toFile(join(folder, name, `${i}.jpg`));
    }
  }
}
