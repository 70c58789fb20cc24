// Runs the lines of ../../../Dockerfile in a bare system in place of its image.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { copyProject, mustRun, projectRoot, USER } from "./system.mjs";

/** Parses a Dockerfile into its instructions, in order: [word, arguments]. */
export function parseDockerfile(text) {
  return text
    .replace(/^\s*#.*\n/gm, "")
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => /^(\w+)\s+(.*)$/.exec(line).slice(1));
}

/** Returns the instructions of a stage after those of its base stages; the first is the base image. */
export function stageOf(instructions, name) {
  const from = instructions.findLastIndex(
    ([word, rest]) => word === "FROM" && (name === undefined || rest.endsWith(` AS ${name}`)),
  );
  assert.ok(from >= 0, `Dockerfile has no stage ${name}`);
  const next = instructions.findIndex(([word], i) => i > from && word === "FROM");
  const stageOnly = instructions.slice(from + 1, next < 0 ? undefined : next);
  const base = instructions[from][1].split(" ")[0];
  const isStage = instructions.some(([word, rest]) => word === "FROM" && rest.endsWith(` AS ${base}`));
  return isStage ? [...stageOf(instructions, base), ...stageOnly] : [["FROM", base], ...stageOnly];
}

/** Instruction -> its effect on the state { user, cwd, env, command } and the system. */
const INSTRUCTIONS = {
  FROM: (_, image) => assert.equal(image, "debian:13-slim", "the image that a bare Debian 13 stands for"),
  EXPOSE: () => {},
  USER(state, user) {
    state.user = user;
  },
  ENV(state, pairs) {
    for (const pair of pairs.split(/\s+/)) {
      const [name, value] = pair.split("=");
      state.env[name] = value;
    }
  },
  WORKDIR(state, path, system) {
    state.cwd = path;
    mkdirSync(join(system.root, path), { recursive: true });
  },
  RUN(state, script, system) {
    mustRun(system, script, state);
  },
  COPY(state, what, system) {
    assert.equal(what, `--chown=${USER}:${USER} . .`, "the only COPY that this check knows");
    copyProject(system, posix.resolve(state.cwd));
  },
  CMD(state, command) {
    state.command = JSON.parse(command);
  },
};

/**
 * Runs a stage's instructions.
 * @returns the start of its command: { command, user, cwd, env }
 */
export function runDockerfile(system, stage, onStep) {
  const instructions = parseDockerfile(readFileSync(join(projectRoot, "Dockerfile"), "utf8"));
  const state = { user: "root", cwd: "/", env: {}, command: undefined };
  for (const [word, rest] of stageOf(instructions, stage)) {
    const act = INSTRUCTIONS[word];
    assert.ok(act, `Dockerfile: ${word} is not known to this check`);
    onStep(`${word} ${rest}`);
    act(state, rest, system);
  }
  return state;
}
