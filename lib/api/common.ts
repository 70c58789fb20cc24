// What all stages have in common: paths, seeds, errors in words, cells that can be interrupted.

export { projectPath } from "../common/project";
export { randomStream } from "../common/random";
export { UserError } from "../common/errors";
export { breathe } from "../common/interrupt";
