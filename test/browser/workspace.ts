// A temporary workspace for the notebooks, so that tests do not touch the user's data: the same packages and lib, empty
// data/ and checkpoints/, and notebooks/ with other parameters.
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installPath } from "guie/dist/common/project";

/** The six notebooks in the order of the pipeline: each reads the results of those before it. */
export const PIPELINE = [
  "Get_Data",
  "Data_preprocessing",
  "Data_Merge",
  "Model_Preparation",
  "Train",
  "Inference",
] as const;

/** The pipeline, and the experiments on its runs. */
export const NOTEBOOKS = [...PIPELINE, "Experiments"] as const;

/** Parameters with which all of them take a minute: a few emoji, a tower of a few thousand weights. */
export const TINY: Partial<Record<(typeof NOTEBOOKS)[number], Record<string, unknown>>> = {
  Get_Data: { classesPerGroup: 8 },
  Data_Merge: { search: "", minPerClass: 60 },
  // Long enough for its curve to be drawn more than once
  Train: {
    preset: "tiny",
    fineTune: { maxStepsPerEpoch: 400 },
    run: "demo",
  },
  Inference: { preset: "tiny", examples: 3 },
  Experiments: {
    preset: "tiny",
    fineTune: { maxStepsPerEpoch: 400 },
    run: "demo",
    tryLr: [0.01],
    tryMargins: [0.3, 0.5],
    vary: ["margin=0.5"],
    seeds: [1, 2],
    alphas: [0, 1],
  },
};

/** Makes the workspace in a temporary folder and returns its path; `remove` deletes it. */
export function makeWorkspace(): { root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), "guie-workspace-"));
  for (const name of [
    "package.json",
    "lib/package.json",
    "lib/bin",
    "lib/browser",
    "lib/dist",
    "scripts",
    "notebooks",
  ])
    cpSync(installPath(name), join(root, name), { recursive: true });
  for (const name of ["data", "checkpoints", "node_modules", ".cache"]) mkdirSync(join(root, name));
  for (const name of readdirSync(installPath("node_modules")).filter((name) => name !== "guie"))
    symlinkSync(installPath("node_modules", name), join(root, "node_modules", name));
  symlinkSync(join(root, "lib"), join(root, "node_modules", "guie"));
  symlinkSync(installPath(".venv"), join(root, ".venv"));
  // The pretrained tower is downloaded once per machine
  mkdirSync(installPath(".cache", "wheels"), { recursive: true });
  symlinkSync(installPath(".cache", "wheels"), join(root, ".cache", "wheels"));
  return { root, remove: () => rmSync(root, { recursive: true }) };
}

/** Changes defaults in a notebook's parameters cell, as a person would type them. */
export function typeParams(path: string, values: Readonly<Record<string, unknown>>): void {
  let text = readFileSync(path, "utf8");
  for (const [name, value] of Object.entries(values)) {
    const line = new RegExp(`"  ${name}: .*,\\\\n"`);
    if (!line.test(text)) throw new Error(`${path} has no parameter ${name}`);
    text = text.replace(
      line,
      JSON.stringify(`  ${name}: ${JSON.stringify(value)},\n`).replaceAll("$", "$$$$"),
    );
  }
  writeFileSync(path, text);
}
