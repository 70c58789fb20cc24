// Sets the workspace up: npm packages, Python environment, TensorFlow binding, kernel, compiled lib.
// Plain Node without dependencies. Can be run again at any time: steps that are up to date are skipped.
// `--quiet` prints nothing if there is nothing to do.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";
import { bindingStep } from "./setup/binding.mjs";
import { buildStep } from "./setup/build.mjs";
import { kernelStep } from "./setup/kernel.mjs";
import { checkMachine } from "./setup/machine.mjs";
import { packagesStep } from "./setup/packages.mjs";
import { pythonStep } from "./setup/python.mjs";
import { inWords, SetupError } from "./setup/run.mjs";

guardScript("set-up");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const quiet = process.argv.includes("--quiet");
const startedAtMs = performance.now();

/** Runs a step if its fingerprint (its inputs) has changed or its result is missing; returns true if it ran. */
async function ensure(step) {
  const stamp = join(root, step.stampFile);
  const fingerprint = step.fingerprint(root);
  const made = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  if (made === fingerprint && step.isWhole(root)) return false;
  const stepStartedAtMs = performance.now();
  console.log(`set-up: ${step.title} ...`);
  await step.run(root);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, fingerprint);
  console.log(
    `set-up: ${step.title}: done in ${((performance.now() - stepStartedAtMs) / 1000).toFixed(0)} s`,
  );
  return true;
}

try {
  checkMachine();
  // npm and pip wait for different servers: in parallel they take half the time. A failure is reported only after
  // both have ended, so that neither is left running.
  const parts = await Promise.allSettled([ensure(packagesStep), ensure(pythonStep)]);
  for (const part of parts) if (part.status === "rejected") throw part.reason;
  const changed = parts.map((part) => part.value);
  for (const step of [bindingStep, kernelStep, buildStep]) changed.push(await ensure(step));
  if (!quiet || changed.some(Boolean)) {
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    console.log(
      changed.some(Boolean)
        ? `set-up: ready in ${seconds} s`
        : `set-up: everything is up to date (${seconds} s)`,
    );
  }
} catch (thrown) {
  const error = inWords(thrown);
  if (!(error instanceof SetupError)) throw error;
  console.error(`\nset-up failed: ${error.message}\n  Next: ${error.next}`);
  process.exitCode = 1;
}
