// The error for refused archives.
/** The error for an archive that is refused for its content, as opposed to a failure of disk or format. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
