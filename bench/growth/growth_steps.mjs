// The steps of `npm run bench growth`, each at several multiples of the demo's rows.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startContestant } from "../shared/contestant.mjs";
import { memoryMB, startGuie } from "../shared/guie.mjs";
import { median } from "../shared/numbers.mjs";
import { classCount, clustersOf, HOME, onePhoto, photosOf, TABLE, tableOf } from "./growth_data.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const TINY = ["--config-name", "tiny"];
/** Searches sent to the service. */
const REQUESTS = 50;

/** @typedef {{ seconds: number, peakMB: number }} Measured */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} what what is measured, for the page
 * @property {number[]} scales multiples of the demo's rows
 * @property {(scale: number) => Promise<Measured>} run
 */

/** @type {readonly Step[]} */
export const STEPS = [
  {
    name: "get-data",
    what: "`guie get-data` of a folder of class folders",
    scales: [1, 10, 100],
    async run(scale) {
      const photos = await photosOf(scale);
      return inFolder((dataDir) => timed(getData(dataDir, photos)));
    },
  },
  {
    name: "preprocess",
    what: "`guie preprocess` of these photos (224 px)",
    scales: [1, 10],
    async run(scale) {
      const photos = await photosOf(scale);
      return inFolder(async (dataDir) => {
        await startGuie(getData(dataDir, photos)).ended;
        return timed(["preprocess", "--data-dir", dataDir, "--dataset", "photos"]);
      });
    },
  },
  {
    name: "merge",
    what: "`guie merge` of a preprocessed table",
    scales: [1, 10, 100],
    async run(scale) {
      return timed(["merge", "--data-dir", await tableOf(scale), "--dataset", TABLE.name]);
    },
  },
  {
    name: "embed",
    what: "`guie embed` by the tower `tiny`",
    scales: [1, 10, 100],
    async run(scale) {
      const out = `${featuresAt(scale)}.part`;
      rmSync(out, { recursive: true, force: true });
      const measured = await timed(["embed", await photosOf(scale), "--out", out, ...TINY]);
      rmSync(featuresAt(scale), { recursive: true, force: true });
      renameSync(out, featuresAt(scale));
      return measured;
    },
  },
  {
    name: "frozen training",
    what: "`guie train` on features, an epoch; as many classes as the demo",
    scales: [1, 10, 100],
    run: (scale) => train(scale, classCount()),
  },
  {
    name: "frozen training, classes grow too",
    what: "the same; as many more classes as rows",
    scales: [1, 10],
    run: (scale) => train(scale, scale * classCount()),
  },
  {
    name: "search",
    what: "1,000 exact searches, k = 5, in the features of `embed`",
    scales: [1, 10, 100],
    async run(scale) {
      const contestant = await startContestant(process.execPath, [
        join(here, "growth_search.mjs"),
        await featuresOf(scale),
      ]);
      await contestant.run(); // traces the graph
      const ms = await contestant.run();
      return { seconds: ms / 1000, peakMB: await contestant.end() };
    },
  },
  {
    name: "serve: start",
    what: "`guie serve` of these features, until it listens",
    scales: [1, 10, 100],
    run: async (scale) => (await served(await featuresOf(scale))).start,
  },
  {
    name: "serve: a search",
    what: "a search by an image at that service, median of 50",
    scales: [1, 10, 100],
    run: async (scale) => (await served(await featuresOf(scale))).search,
  },
];

/** Runs a command. @returns {Promise<Measured>} */
async function timed(args, root = undefined) {
  const startedAt = performance.now();
  const peakMB = await startGuie(args, { root }).ended;
  return { seconds: (performance.now() - startedAt) / 1000, peakMB };
}

function getData(dataDir, photos) {
  return ["get-data", "--data-dir", dataDir, "--dataset", "photos", "--raw", photos];
}

/** Calls a function with an empty folder, and deletes it. */
async function inFolder(use) {
  const folder = join(HOME, "work");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const featuresAt = (scale) => join(HOME, `features_${scale}`);

/** Returns the features of the photos; embeds them if they are missing. */
async function featuresOf(scale) {
  const folder = featuresAt(scale);
  if (!existsSync(folder)) await STEPS.find(({ name }) => name === "embed").run(scale);
  return folder;
}

/** Trains an epoch of neck and head on features. */
async function train(scale, classes) {
  const features = await clustersOf(scale, classes);
  return inFolder(async (root) => {
    mkdirSync(join(root, "checkpoints"));
    const settings = ["nEpochs=1", "maxStepsPerEpoch=0", "batchSize=128"];
    const flags = ["--stage", "frozen", "--features", features, "--run-name", "growth"];
    return timed(["train", ...TINY, ...flags, ...settings.flatMap((setting) => ["--set", setting])], root);
  });
}

/** Starts a service, sends searches, and ends it. @returns {Promise<{ start: Measured, search: Measured }>} */
async function served(features) {
  const startedAt = performance.now();
  const address = /http:\/\/127\.0\.0\.1:\d+/;
  const service = startGuie(["serve", features, ...TINY, "--port", "0"], { until: address });
  service.ended.catch(() => {}); // it is ended by a signal
  const said = await service.begun;
  const seconds = (performance.now() - startedAt) / 1000;
  const [url] = address.exec(said) ?? [];
  if (!url) throw new Error(`bench: guie serve did not listen:\n${said}`);
  const image = new Blob([new Uint8Array(await onePhoto())], { type: "image/jpeg" });
  const peakAtStart = memoryMB(service.child.pid);
  const times = [];
  for (let request = 0; request < REQUESTS; request++) {
    const body = new FormData();
    body.append("image", image, "query.jpg");
    const from = performance.now();
    const response = await fetch(`${url}/search`, { method: "POST", body });
    const answer = await response.text();
    if (!response.ok) throw new Error(`bench: the service answered ${response.status}: ${answer}`);
    times.push((performance.now() - from) / 1000);
  }
  const peakMB = memoryMB(service.child.pid);
  service.child.kill("SIGTERM");
  await service.ended.catch(() => {});
  return { start: { seconds, peakMB: peakAtStart }, search: { seconds: median(times), peakMB } };
}
