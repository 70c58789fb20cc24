import { run } from "./run.mjs";

/** Compiles lib and the tests. The compiler itself knows what is up to date. */
export const buildStep = {
  title: "compiling lib",
  stampFile: "lib/dist/.setup",
  fingerprint: () => "checked by the compiler at every call",
  isWhole: () => false,
  run: (root) =>
    run(process.execPath, ["node_modules/typescript/bin/tsc", "-b"], {
      cwd: root,
      next: "mend the type errors above, then: npm run build",
    }),
};
