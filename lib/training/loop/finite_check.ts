// Stops a run with NaN or infinity before they reach a checkpoint; the error tells where they came from.

import { UserError } from "../../common/errors";
import type { tf } from "../../engine/native/tf";
import type { GraphFunction } from "../../engine/program/graph_function";
import type { Program } from "../../engine/program/program";
import { isWeight } from "../../model/weight_names";
import type { Batch } from "../data/batches";
import { PeerFailure } from "../ranks/peer_failure";
import { allFinite } from "../step/loss_scale";
import type { LearningRates } from "../step/rates";

/** A step that was taken, for messages. */
export interface TakenStep {
  /** From 1, over all epochs. */
  step: number;
  rates: LearningRates;
  margin: number;
  batch: Pick<Batch, "files">;
}

/** Watches one trainer's losses and weights. */
export class FiniteCheck {
  readonly #weights: GraphFunction<never, tf.Tensor>;
  #last = "the start";

  /** @param names the program's variables; the optimizer's are not checked */
  constructor(program: Program, names: Iterable<string>) {
    const weights = [...names].filter(isWeight);
    this.#weights = program.function(
      "all_finite",
      (_, variables) => allFinite(weights.map((name) => variables.read(name))).toInt(),
      {},
    ) as GraphFunction<never, tf.Tensor>;
  }

  /**
   * Checks the losses of a step.
   * @param loss this process's loss
   * @param losses losses of all processes, by rank
   * @throws UserError naming the step, its learning rates and its images; PeerFailure if only another process's loss
   *   is not finite
   */
  checkLoss({ step, rates, margin, batch }: TakenStep, loss: number, losses: readonly number[]): void {
    this.#last =
      `step ${step} (learning rate of neck and head ${rates.head}, of the backbone ${rates.backbone}, ` +
      `margin ${margin}; images: ${batch.files.join(", ")})`;
    if (losses.every(Number.isFinite)) return;
    if (Number.isFinite(loss)) throw new PeerFailure(losses.findIndex((other) => !Number.isFinite(other)));
    throw spoilt(`The loss is ${loss} at ${this.#last}.`);
  }

  /** Checks all weights. @throws UserError naming the last step if a weight is NaN or infinite */
  async checkWeights(): Promise<void> {
    const finite = (await this.#weights.run({})) as unknown as { data: Int32Array };
    if (finite.data[0] === 1) return;
    throw spoilt(`There are weights that are no finite numbers after ${this.#last}.`);
  }
}

function spoilt(what: string): UserError {
  return new UserError(
    what,
    "The last checkpoint is unharmed. Lower initLr or backboneLrFactor, and start a run of another name; initFrom takes this one's weights (npx guie train --init-from RUN).",
  );
}
