// Which cases of a benchmark run.
import { readFileSync } from "node:fs";

/**
 * Returns the case whose name is `word`; if none is, all with `word` in their name.
 * @template {{ name: string }} T
 * @param {readonly T[]} cases
 * @param {string} word
 */
export function chosenCases(cases, word) {
  const exact = cases.filter(({ name }) => name === word);
  return exact.length > 0 ? exact : cases.filter(({ name }) => name.includes(word));
}

/** What cases need of the CPU -> its flags, of which one is enough. */
const NEEDS = { bfloat16: ["avx512_bf16", "amx_bf16"] };

/**
 * Returns why this CPU cannot run a case, or undefined.
 * @param {{ needs?: string }} spec
 * @param {Set<string>} flags
 */
export function whyNot({ needs }, flags = cpuFlags()) {
  if (!needs || NEEDS[needs].some((flag) => flags.has(flag))) return undefined;
  return `this CPU has neither ${NEEDS[needs].join(" nor ")}`;
}

/** Returns the CPU's flags, as Linux names them. */
export function cpuFlags(cpuinfo = readFileSync("/proc/cpuinfo", "utf8")) {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? "";
  return new Set(line.trim().split(/\s+/));
}
