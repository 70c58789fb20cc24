// The user's own image: its path, and its place on an atlas.
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../common/errors";
import { projectPath } from "../../common/project";
import type { Vectors } from "../../common/vectors";
import type { Embedder } from "../../embedding/embedder";
import type { Atlas } from "./atlas";

/** An image from outside the retrieval set, and its place on each map. */
export interface PlacedImage {
  /** Path of the image. */
  image: string;
  name: string;
  /** Its embedding, [1, E]. */
  vector: Vectors;
  places: readonly (readonly [x: number, y: number])[];
}

const SCHEME = /^([a-z][a-z0-9+.-]+):/i;

/**
 * Returns the file of a path (absolute, or below the project's root) or of a `file:` URL of this machine.
 * @throws UserError for any other URL: a notebook fetches nothing from the network
 */
export function localImagePath(given: string): string {
  const scheme = SCHEME.exec(given)?.[1]?.toLowerCase();
  if (scheme === undefined) return projectPath(given);
  if (scheme !== "file") {
    throw new UserError(
      `Expected the path of an image on this machine, or a file: URL; got a ${scheme}: URL. Nothing is fetched from the network.`,
      "Save the image to a file (curl -o own.jpg URL) and give its path.",
    );
  }
  try {
    return fileURLToPath(given);
  } catch (error) {
    throw new UserError(
      `${given} is not a file of this machine.`,
      "A file: URL looks like file:///home/me/own.jpg.",
      { cause: error },
    );
  }
}

/**
 * Embeds the user's own image and finds its place on each map of an atlas, for `atlasView`.
 * @param given as `localImagePath` takes it
 * @example
 * const placed = await placeImage(atlas, embedder, "photo.jpg");
 */
export async function placeImage(
  { maps }: Atlas,
  embedder: Pick<Embedder, "embedFiles">,
  given: string,
  name = "yours",
): Promise<PlacedImage> {
  const image = localImagePath(given);
  const vector = await embedder.embedFiles("/", [image]);
  const places: [number, number][] = [];
  for (const { place } of maps) {
    const [x, y] = (await place(vector)).data;
    places.push([x!, y!]);
  }
  return { image, name: `${name}: ${basename(image)}`, vector, places };
}
