// The flag --part of the data steps: which part of the work this process does.
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { type Part, partText } from "../../common/files/part";
import type { CommandResult } from "./command";

/** The flag of a command that can be shared out. */
export interface PartFlag {
  part?: string;
}

const FORMS =
  "Give --part 2/4 (the second of four), or --part auto in a Slurm array job, --part auto/4 in an indexed job of Kubernetes.";

/** Adds `--part` to a command. */
export function addPartFlag(command: Command): void {
  command.option(
    "--part <i/n>",
    "do one of n parts, in as many processes or hosts; the same command without it completes the work (auto: part and " +
      "number of parts of a Slurm array job; auto/n: of an indexed Kubernetes job)",
  );
}

/**
 * Returns the part that `--part` names; undefined if the flag is absent.
 * @param environment variables of an array job
 * @throws UserError for text that names no part
 */
export function partOfFlag(
  { part }: PartFlag,
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): Part | undefined {
  if (part === undefined) return undefined;
  const [, which, count] = /^(auto|\d+)(?:\/(\d+))?$/.exec(part) ?? [];
  if (which === undefined || (which !== "auto" && count === undefined))
    throw new UserError(`--part takes a number and a number of parts, got "${part}".`, FORMS);
  const given = count === undefined ? undefined : Number(count);
  if (which !== "auto") return checked(part, { index: Number(which), count: given! });
  return checked(part, ofArray(environment, given));
}

function checked(text: string, part: Part): Part {
  const { index, count } = part;
  if (index >= 1 && index <= count && Number.isSafeInteger(count)) return part;
  throw new UserError(`--part ${text}: there is no part ${index} of ${count}; the first is 1.`, FORMS);
}

/** Returns the part of an array job's task. @param given number of parts, if the flag has one */
function ofArray(environment: Readonly<NodeJS.ProcessEnv>, given: number | undefined): Part {
  const [task, first, step, tasks, place] = [
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_ARRAY_TASK_COUNT",
    "JOB_COMPLETION_INDEX",
  ].map((name) => (/^\d+$/.test(environment[name] ?? "") ? Number(environment[name]) : undefined));
  // with a count, the number of a task is that of its part: a single task can be submitted again
  if (task !== undefined && given !== undefined) return { index: task, count: given };
  if (task !== undefined && tasks !== undefined)
    return { index: (task - (first ?? 1)) / (step || 1) + 1, count: tasks };
  if (place !== undefined && given !== undefined) return { index: place + 1, count: given };
  throw place === undefined
    ? new UserError("--part auto: this is no task of an array job (no SLURM_ARRAY_TASK_ID).", FORMS)
    : new UserError("--part auto: JOB_COMPLETION_INDEX does not tell the number of parts.", FORMS);
}

/** Returns the result of a part. @param done what it did, in words @param share its numbers */
export function partResult(part: Part, done: string, share: object): CommandResult {
  return { text: `${done}: ${partText(part)}\n${nextText(part)}`, summary: { part, ...share } };
}

/** Returns the line below the result of a part: what completes the work. */
export function nextText({ count }: Part): string {
  return `When all ${count} parts have ended: the same command without --part`;
}
