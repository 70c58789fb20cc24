// A model's backbone, loaded when an image is first embedded.
import type { Backbone } from "../model/backbone";

/** A backbone that is loaded once, when it is first needed. */
export class LazyBackbone {
  readonly #load: () => Promise<Backbone>;
  #loaded: Promise<Backbone> | undefined;

  constructor(load: () => Promise<Backbone>) {
    this.#load = load;
  }

  /** Returns the backbone; the first call loads it. */
  get(): Promise<Backbone> {
    this.#loaded ??= this.#load();
    return this.#loaded;
  }

  /** Frees the backbone if it was loaded. If loading failed, the caller got the error, and there is nothing to free. */
  dispose(): void {
    void this.#loaded?.then(
      (backbone) => backbone.dispose(),
      () => undefined,
    );
  }
}
