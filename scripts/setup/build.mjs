// Set-up step: compiles lib and the tests.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fingerprintOf, run } from "./run.mjs";

const PROJECTS = ["lib", "test"];

/** Returns all sources and the compiler's settings, sorted. */
function sources(root) {
  const files = PROJECTS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((file) => /\.(ts|js|json)$/.test(file) && !file.startsWith("dist"))
      .map((file) => join(root, folder, file)),
  );
  return [join(root, "tsconfig.json"), ...files.sort()];
}

/** The step that compiles lib and the tests. */
export const buildStep = {
  title: "compiling lib",
  stampFile: "lib/dist/.setup",
  fingerprint: (root) =>
    fingerprintOf([...sources(root), join(root, "node_modules/typescript/package.json")]),
  isWhole: (root) => existsSync(join(root, "lib/dist/index.js")) && existsSync(join(root, "build/test")),
  run: (root) =>
    run(process.execPath, ["node_modules/typescript/bin/tsc", "-b"], {
      cwd: root,
      next: "fix the type errors above, then: npm run build",
    }),
};
