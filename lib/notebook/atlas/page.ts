// What the kernel and the page of an atlas tell each other. The page's side is lib/browser/atlas.js.
import type { State } from "../widgets/buffers";

/** A group of points with one colour. */
export interface AtlasGroup {
  name: string;
  /** "#rrggbb". */
  colour: string;
}

/** A way to colour the points. */
export interface AtlasColouring {
  name: string;
  groups: AtlasGroup[];
  /** True if the legend lists the groups. */
  isNamed: boolean;
}

/** The widget's state. N points of the retrieval set, then P placed images. */
export interface AtlasState extends State {
  title: string;
  /** Names of the maps. */
  maps: string[];
  /** Of each map [N + P, 2]: from 0 to 1, from the left and from the top. */
  places: Float32Array[];
  /** [N + P]: 0 index, 1 query, 2 placed image. */
  shapes: Uint8Array;
  placedNames: string[];
  colourings: AtlasColouring[];
  /** Of each colouring [N]: the group of each point. */
  groups: Uint32Array[];
  /** The colouring whose groups are the classes. */
  byClass: number;
  /** The map and colouring that are shown, in all pages. */
  map: number;
  colouring: number;
  /** Selected points, ascending: uint32, as bytes in what the page sends. */
  selected: Uint32Array | Uint8Array;
}

/** A question of a page: the picture of a point, or also those of its nearest images. */
export interface AtlasQuestion {
  /** The page's view; the answer repeats it. */
  view: string;
  kind: "hover" | "open";
  point: number;
}

/** The answer; its pictures travel beside it, one for each item (empty if it cannot be read). */
export interface AtlasAnswer extends AtlasQuestion {
  items: AtlasItem[];
}

/** Words beside a picture. */
export interface AtlasItem {
  title: string;
  detail: string;
  path: string;
  /** Green for a right answer, red for a wrong one. */
  frame: "green" | "red" | "plain";
  /** Its position on the map; -1 if it is not there. */
  point: number;
  /** Why there is no picture. */
  problem?: string | undefined;
}

/** A picture with its words. */
export interface AtlasPicture extends AtlasItem {
  jpeg?: DataView<ArrayBuffer> | undefined;
}

/** Pixels to draw into, with a margin on each side that is not shown. */
export interface AtlasFrame {
  /** [height + 2 margin, width + 2 margin]. */
  pixels: Uint32Array;
  width: number;
  height: number;
  margin: number;
}

/** The points to draw. */
export interface AtlasMarks {
  /** [M, 2], as in the state. */
  places: Float32Array;
  /** [M]: red, green, blue, opacity from the lowest byte. */
  colours: Uint32Array;
  shapes: Uint8Array;
  /** [M]: 0 as usual, 1 selected, 2 hidden. */
  marks: Uint8Array;
}

/** The part of the map that is shown, in pixels of the frame. */
export interface AtlasZoom {
  scale: number;
  left: number;
  top: number;
  /** Radius of a circle. */
  radius: number;
}

/** `atlas_pixels.js`. */
export type DrawAtlas = (frame: AtlasFrame, points: AtlasMarks, zoom: AtlasZoom) => void;

/** `atlas_search.js`. */
export interface AtlasSearch {
  /** Returns the nearest shown point within an ellipse, or -1. */
  nearest(x: number, y: number, reachX: number, reachY: number, isShown: (point: number) => boolean): number;
  /** Returns the shown points inside of a polygon, ascending. */
  inside(
    corners: readonly (readonly [x: number, y: number])[],
    isShown: (point: number) => boolean,
  ): Uint32Array<ArrayBuffer>;
}

/** What a person does on the map; places in CSS pixels. */
export interface AtlasGestures {
  /** Tells whether a drag draws a lasso; with the Shift key it does the other thing. */
  isLasso(): boolean;
  moveBy(x: number, y: number): void;
  zoom(factor: number, x: number, y: number): void;
  lassoGrows(corners: readonly [x: number, y: number][]): void;
  /** @param isWhole false if the lasso was given up. @param adds to what is selected */
  lasso(corners: readonly [x: number, y: number][], isWhole: boolean, adds: boolean): void;
  click(x: number, y: number): void;
  point(x: number, y: number): void;
  leave(): void;
  reset(): void;
  escape(): void;
}

/** The pictures beside the map. */
export interface AtlasCards {
  showHover(picture: AtlasPicture, x: number, y: number): void;
  hideHover(): void;
  waits(words: string): void;
  showNearest(pictures: readonly AtlasPicture[]): void;
  close(): void;
  dispose(): void;
}

/** What is drawn above the points. */
export interface AtlasOver {
  /** The opened point; -1 if none is. */
  opened: number;
  /** Its nearest points. */
  near: readonly number[];
  /** Corners of a lasso, in CSS pixels. */
  lasso: readonly (readonly [x: number, y: number])[];
}

/** `atlas_overlay.js`. */
export interface AtlasOverlay {
  /** @param placeOf returns a point's place in CSS pixels. @param firstPlaced the first placed image */
  draw(over: AtlasOver, placeOf: (point: number) => [x: number, y: number], firstPlaced: number): void;
}

/** `atlas_legend.js`. */
export interface AtlasLegend {
  /** Groups that a person has hidden. */
  readonly hidden: ReadonlySet<number>;
  /** Lists groups, and shows all of them. */
  show(groups: readonly AtlasGroup[]): void;
}

/** What the pictures of a map need from it. */
export interface AtlasAsking {
  ask(question: AtlasQuestion): void;
  titleOf(point: number): string;
  /** Called with the opened point (-1: none) and those of its nearest images that are on the map. */
  opened(point: number, near: readonly number[]): void;
}

/** `atlas_pictures.js`. */
export interface AtlasPictures {
  /** Shows the picture of the point under the mouse; -1: there is none. */
  point(point: number, x: number, y: number): void;
  unpoint(): void;
  open(point: number): void;
  close(): void;
  answered(answer: AtlasAnswer, jpegs: readonly DataView<ArrayBuffer>[]): void;
  dispose(): void;
}

/** What the bar above a map does. */
export interface AtlasBarActions {
  choose(menu: string, value: number): void;
  tool(isLasso: boolean): void;
  zoom(factor: number): void;
  reset(): void;
  unselect(): void;
}

/** `atlas_bar.js`. */
export interface AtlasBar {
  isLasso(): boolean;
  /** Shows the chosen value of a menu. */
  show(menu: "map" | "colouring", value: number): void;
  /** Shows the number of selected images. */
  selected(count: number): void;
}

/** The functions of lib/browser that `atlas.js` is given. */
export interface AtlasParts {
  pixels: DrawAtlas;
  search(places: Float32Array): AtlasSearch;
  mouse(map: HTMLElement, on: AtlasGestures): () => void;
  overlay(svg: SVGElement, names: HTMLElement, placedNames: readonly string[]): AtlasOverlay;
  legend(place: HTMLElement, changed: () => void): AtlasLegend;
  bar(
    bar: HTMLElement,
    menus: { map: readonly string[]; colouring: readonly string[] },
    on: AtlasBarActions,
  ): AtlasBar;
  pictures(stage: HTMLElement, card: AtlasParts["card"], on: AtlasAsking): AtlasPictures;
  card(stage: HTMLElement, open: (point: number) => void, closed: () => void): AtlasCards;
}
