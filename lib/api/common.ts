// What all stages have in common: paths, seeds, errors in words, cells that can be interrupted.

export { projectPath, setRoot } from "../common/project";
export { randomStream } from "../common/random";
export { UserError } from "../common/errors";
export { checkInterrupt, interruptSignal } from "../common/interrupt";
