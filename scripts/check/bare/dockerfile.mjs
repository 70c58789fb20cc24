// The lines of ../../../Dockerfile, run in a bare system in the place of its image.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { copyProject, mustRun, projectRoot, USER } from "./system.mjs";

/** A Dockerfile's instructions, in order: [word, what stands behind it]. */
export function parseDockerfile(text) {
  return text
    .replace(/^\s*#.*\n/gm, "")
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => /^(\w+)\s+(.*)$/.exec(line).slice(1));
}

/** The instructions of a stage behind those of the stages that it is built on; the first is the image it begins with. */
export function stageOf(instructions, name) {
  const from = instructions.findLastIndex(
    ([word, rest]) => word === "FROM" && (name === undefined || rest.endsWith(` AS ${name}`)),
  );
  assert.ok(from >= 0, `Dockerfile has no stage ${name}`);
  const next = instructions.findIndex(([word], i) => i > from && word === "FROM");
  const own = instructions.slice(from + 1, next < 0 ? undefined : next);
  const base = instructions[from][1].split(" ")[0];
  const isStage = instructions.some(([word, rest]) => word === "FROM" && rest.endsWith(` AS ${base}`));
  return isStage ? [...stageOf(instructions, base), ...own] : [["FROM", base], ...own];
}

/** Instruction -> what it does to the state { user, cwd, env, command } and the system. */
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

/** Runs a stage's instructions. @returns how to start its command: { command, user, cwd, env } */
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
