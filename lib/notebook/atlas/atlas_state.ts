// The widget of an atlas: its code for the page, and its first state.
import { browserFile, browserModule } from "../../common/browser_files";
import type { Atlas } from "./atlas";
import { colouringsOf } from "./colourings";
import type { PlacedImage } from "./own_image";
import type { AtlasState } from "./page";

const SHAPES = { index: 0, query: 1, placed: 2 };

/** Returns the code and the style of the page's side. */
export function atlasPage(): { esm: string; css: string } {
  const parts = {
    pixels: "atlas_pixels",
    search: "atlas_search",
    mouse: "atlas_mouse",
    overlay: "atlas_overlay",
    legend: "atlas_legend",
    bar: "atlas_bar",
    pictures: "atlas_pictures",
    card: "atlas_card",
  };
  return { esm: browserModule("atlas", parts), css: browserFile("atlas.css") };
}

/** Returns the state with which an atlas begins. */
export function atlasState(
  { points, maps, imageCount }: Pick<Atlas, "points" | "maps" | "imageCount">,
  placed: readonly PlacedImage[] = [],
): AtlasState {
  const shown = points.length.toLocaleString("en");
  const counts = points.length < imageCount ? `${shown} of ${imageCount.toLocaleString("en")}` : shown;
  return {
    title: `The embedding atlas: ${counts} images, similar images near each other`,
    maps: maps.map(({ name }) => name),
    places: maps.map(({ places }, map) =>
      fitted([...places.data, ...placed.flatMap((image) => image.places[map]!)]),
    ),
    shapes: Uint8Array.from([...points.map(({ role }) => SHAPES[role]), ...placed.map(() => SHAPES.placed)]),
    placedNames: placed.map(({ name }) => name),
    ...colouringsOf(points),
    map: 0,
    colouring: 0,
    selected: new Uint32Array(),
  };
}

/** Share of a map's width and height that is free on each side. */
const FREE = 0.04;

/** Moves places, [M, 2] flat with y upwards, to 0..1 with y downwards. */
function fitted(places: readonly number[]): Float32Array {
  const scaled = new Float32Array(places.length);
  for (const axis of [0, 1]) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = axis; i < places.length; i += 2) {
      low = Math.min(low, places[i]!);
      high = Math.max(high, places[i]!);
    }
    for (let i = axis; i < places.length; i += 2) {
      const share = high > low ? (places[i]! - low) / (high - low) : 0.5;
      scaled[i] = FREE + (1 - 2 * FREE) * (axis === 0 ? share : 1 - share);
    }
  }
  return scaled;
}
