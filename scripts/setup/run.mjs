// Runs commands and fingerprints files for the steps of the set-up.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** A failure of the set-up, with the command or action that fixes it. */
export class SetupError extends Error {
  constructor(message, next) {
    super(message);
    this.next = next;
  }
}

/**
 * Runs a command silently and returns its output; an error contains its last lines.
 * @param next advice for a failure
 */
export function run(command, args, { cwd, next, env = process.env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) =>
      reject(new SetupError(`${command} could not be started: ${error.message}`, next)),
    );
    child.on("close", (code) => {
      if (code === 0) return resolve(output);
      const tail = output.trim().split("\n").slice(-15).join("\n  ");
      reject(new SetupError(`\`${command} ${args.join(" ")}\` ended with ${code}:\n  ${tail}`, next));
    });
  });
}

const WORDS = createRequire(import.meta.url)("../../lib/common/files/errno.json");
/** Errors that a person fixes by freeing space or choosing another folder. */
const WRITE_ERRORS = ["ENOSPC", "EDQUOT", "EROFS", "EACCES"];

/** Converts an error of the file system to a SetupError; returns any other error unchanged. */
export function inWords(error) {
  if (!WRITE_ERRORS.includes(error.code)) return error;
  const next = "make room, or use a folder that you may write to, then: npm run setup";
  return new SetupError(`${error.path ?? "a file"} could not be written: ${WORDS[error.code]}`, next);
}

/** Returns a fingerprint of files (by content) and words; it changes when any of them does. */
export function fingerprintOf(files, ...words) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(existsSync(file) ? readFileSync(file) : "absent").update("\0");
  for (const word of words) hash.update(String(word)).update("\0");
  return hash.digest("hex");
}
