// Names for all stages: paths, seeds, readable errors, interruptible cells.

export { projectPath, setRoot } from "../common/project";
export { randomStream } from "../common/random";
export { UserError } from "../common/errors";
export { checkInterrupt, interruptSignal } from "../common/interrupt";
