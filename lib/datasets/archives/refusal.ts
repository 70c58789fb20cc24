/** Why an archive is not unpacked: for what it holds, not for what happened on the way. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
