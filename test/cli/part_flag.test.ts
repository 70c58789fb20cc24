// The flag --part, by itself and from the variables of array jobs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { partOfFlag } from "guie/dist/cli/shared/part_flag";

const slurm = (task: number, first: number, tasks: number, step = 1) => ({
  SLURM_ARRAY_TASK_ID: `${task}`,
  SLURM_ARRAY_TASK_MIN: `${first}`,
  SLURM_ARRAY_TASK_COUNT: `${tasks}`,
  SLURM_ARRAY_TASK_STEP: `${step}`,
});

test("a part is named, or read from Slurm's or Kubernetes' variables", () => {
  assert.equal(partOfFlag({}, slurm(1, 1, 4)), undefined, "an array job alone shares nothing out");
  const parts = [
    partOfFlag({ part: "2/4" }, slurm(1, 1, 9)),
    partOfFlag({ part: "auto" }, slurm(3, 0, 4)), // --array=0-3
    partOfFlag({ part: "auto" }, slurm(3, 1, 4)), // --array=1-4
    partOfFlag({ part: "auto" }, slurm(8, 0, 4, 4)), // --array=0-15:4
    partOfFlag({ part: "auto/4" }, slurm(3, 3, 1)), // --array=3, a lost part again
    partOfFlag({ part: "auto/8" }, { JOB_COMPLETION_INDEX: "0" }),
  ];
  assert.deepEqual(
    parts.map((part) => part && `${part.index}/${part.count}`),
    ["2/4", "4/4", "3/4", "3/4", "3/4", "1/8"],
  );
});

test("text and variables that name no part are refused with what to give", () => {
  const refused = (part: string, message: RegExp, environment = {}) =>
    assert.throws(() => partOfFlag({ part }, environment), message);
  for (const text of ["2", "a/4", "2/", "/4", "2/4/8", "-1/4", "1.5/4", "auto/"])
    refused(text, /--part takes a number and a number of parts, got/);
  for (const text of ["0/4", "5/4", "1/0", "auto/2"])
    refused(text, /there is no part \d of \d; the first is 1/, slurm(3, 1, 4));
  refused("auto", /no task of an array job/);
  refused("auto/4", /no task of an array job/);
  refused("auto", /JOB_COMPLETION_INDEX does not tell the number of parts/, { JOB_COMPLETION_INDEX: "0" });
  refused("auto", /there is no part 5 of 3/, slurm(5, 1, 3)); // --array=1,2,5
});
