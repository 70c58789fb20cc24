// The atlas as an interactive figure: menus for map and colours, pictures on hover.
import type { ProgressOptions } from "../../common/progress";
import type { PicturedFigure } from "../output/drawing";
import type { Figure } from "../output/figure";
import { hoverPictures, type PointCaption } from "../output/hover_pictures";
import { manyColours, plotlyText, quietLayout } from "../output/plots";
import { makeSprite } from "../output/sprite";
import type { Atlas, AtlasPoint } from "./atlas";

/** An image from outside the retrieval set, and its place on each map. */
export interface PlacedImage {
  /** Path of the image. */
  image: string;
  name: string;
  places: readonly (readonly [x: number, y: number])[];
}

/** Largest size of all small pictures together. */
const MAX_PICTURE_BYTES = 1_000_000;
const HEIGHT_PX = 640;
const ANSWER_COLOURS = { right: "#2ca25f", wrong: "#e34a33", index: "rgba(128, 128, 128, 0.45)" };
const SYMBOLS = { query: "diamond", index: "circle" };
const SIZES_PX = { query: 8, index: 6 };

/**
 * Draws an atlas with WebGL: circles are index images, diamonds are queries. Menus change the map (UMAP, PCA) and the
 * colours: data sets, classes, whether a query's nearest image is right. Hovering over a point shows its image.
 * @param placed the user's own images, drawn as stars
 * @example
 * show(await atlasFigure(atlas));
 */
export async function atlasFigure(
  { points, maps, imageCount }: Atlas,
  placed: readonly PlacedImage[] = [],
  options: ProgressOptions = {},
): Promise<PicturedFigure> {
  const files = [...points, ...placed].map(({ image }) => image);
  const sprite = await makeSprite(files, MAX_PICTURE_BYTES, options);
  const colourings = colouringsOf(points);
  const groups = colourings.flatMap(({ groups }, colouring) =>
    groups.map((group) => ({ ...group, colouring })),
  );
  const placesOf = (map: number) => [
    ...groups.map(({ rows }) => coordinates(maps[map]!.places.data, rows)),
    ...(placed.length > 0
      ? [{ x: placed.map(({ places }) => places[map]![0]), y: placed.map(({ places }) => places[map]![1]) }]
      : []),
  ];
  const data: Figure["data"] = groups.map((group) => ({
    ...traceOf(group, points),
    visible: group.colouring === 0,
    showlegend: group.isNamed,
  }));
  if (placed.length > 0) data.push(starsOf(placed, points.length));
  for (const [i, place] of placesOf(0).entries()) Object.assign(data[i]!, place);
  const counts =
    points.length < imageCount
      ? `${points.length.toLocaleString("en")} of ${imageCount.toLocaleString("en")} images`
      : `${points.length.toLocaleString("en")} images`;
  const mapMenu = maps.map(({ name }, map) => {
    const places = placesOf(map);
    return { label: name, args: [{ x: places.map(({ x }) => x), y: places.map(({ y }) => y) }] };
  });
  const colourMenu = colourings.map(({ name }, colouring) => ({
    label: `colour: ${name}`,
    args: [
      {
        visible: [
          ...groups.map((group) => group.colouring === colouring),
          ...(placed.length > 0 ? [true] : []),
        ],
      },
    ],
  }));
  const title = `The embedding atlas: ${counts}, similar images near each other`;
  return {
    figure: { data, layout: { ...atlasLayout(title), updatemenus: menus([mapMenu, colourMenu]) } },
    pictures: hoverPictures(sprite, [...points.map(captionOf), ...placed.map(ownCaption)]),
  };
}

/** Points of one colour, or with one colour each. */
interface Group {
  name: string;
  rows: number[];
  colour: string | string[];
  /** True if the legend lists the group. */
  isNamed: boolean;
}

interface Colouring {
  name: string;
  groups: Group[];
}

/** Returns the ways to colour points; by data set only if there are several. */
function colouringsOf(points: readonly AtlasPoint[]): Colouring[] {
  const all = points.map((_, row) => row);
  const datasets = [...new Set(points.map(({ dataset }) => dataset))].sort();
  const colours = manyColours(datasets.length);
  const byDataset = datasets.map((name, i) => ({
    name,
    rows: all.filter((row) => points[row]!.dataset === name),
    colour: colours[i]!,
    isNamed: true,
  }));
  const labels = [...new Set(points.map(({ label }) => label))];
  const hues = manyColours(labels.length);
  const colourOf = new Map(labels.map((label, i) => [label, hues[i]!]));
  const byClass = {
    name: `${labels.length} classes`,
    rows: all,
    colour: points.map(({ label }) => colourOf.get(label)!),
    isNamed: false,
  };
  const answer = (name: string, colour: string, belongs: (point: AtlasPoint) => boolean) => {
    return { name, rows: all.filter((row) => belongs(points[row]!)), colour, isNamed: true };
  };
  const byAnswer = [
    answer("index", ANSWER_COLOURS.index, ({ nearest }) => !nearest),
    answer("query, nearest is right", ANSWER_COLOURS.right, ({ nearest }) => nearest?.isRight === true),
    answer("query, nearest is wrong", ANSWER_COLOURS.wrong, ({ nearest }) => nearest?.isRight === false),
  ].filter(({ rows }) => rows.length > 0);
  return [
    ...(datasets.length > 1 ? [{ name: "data set", groups: byDataset }] : []),
    { name: "class", groups: [byClass] },
    { name: "right or wrong", groups: byAnswer },
  ];
}

function traceOf({ name, rows, colour }: Group, points: readonly AtlasPoint[]) {
  const valuesOf = <Value>(value: (point: AtlasPoint) => Value) => rows.map((row) => value(points[row]!));
  return {
    type: "scattergl",
    mode: "markers",
    name: plotlyText(name),
    text: valuesOf(({ className }) => plotlyText(className)),
    hovertemplate: "%{text}<extra></extra>",
    customdata: rows,
    marker: {
      color: colour,
      size: valuesOf(({ role }) => SIZES_PX[role]),
      symbol: valuesOf(({ role }) => SYMBOLS[role]),
      opacity: 0.85,
      line: { width: 0.5, color: "rgba(255, 255, 255, 0.6)" },
    },
  };
}

/** Returns the trace of placed images, drawn above the points. */
function starsOf(placed: readonly PlacedImage[], first: number) {
  return {
    type: "scattergl",
    mode: "markers+text",
    name: "yours",
    text: placed.map(({ name }) => plotlyText(name)),
    textposition: "top center",
    textfont: { size: 13, color: "#e6007a" },
    hovertemplate: "%{text}<extra></extra>",
    customdata: placed.map((_, i) => first + i),
    marker: { symbol: "star", size: 20, color: "#e6007a", line: { width: 1.5, color: "#ffffff" } },
  };
}

/** Returns coordinates with three decimals: a thousandth of the map is less than a pixel. */
function coordinates(places: Float32Array, rows: readonly number[]) {
  const axis = (offset: number) => rows.map((row) => Number(places[2 * row + offset]!.toFixed(3)));
  return { x: axis(0), y: axis(1) };
}

function captionOf({ className, dataset, role, nearest }: AtlasPoint): PointCaption {
  const found = nearest && (nearest.isRight ? "nearest is right" : `nearest: ${nearest.className}`);
  const frame = nearest && (nearest.isRight ? ("green" as const) : ("red" as const));
  return {
    title: className,
    detail: [dataset, role, found].filter(Boolean).join(" · "),
    frame,
  };
}

function ownCaption({ name }: PlacedImage): PointCaption {
  return { title: name, detail: "your image" };
}

function atlasLayout(title: string) {
  const layout = quietLayout({ title, x: "", y: "" }, { legend: true });
  const axis = { ...layout.xaxis, showticklabels: false, ticks: "", automargin: false };
  return {
    ...layout,
    height: HEIGHT_PX,
    margin: { l: 10, r: 10, t: 84, b: 40 },
    legend: { orientation: "h", x: 0, y: -0.01, yanchor: "top", itemsizing: "constant" },
    hovermode: "closest",
    dragmode: "pan",
    xaxis: axis,
    yaxis: axis,
  };
}

const MENU_STEP = 0.1;

/** Returns menus in a row above the plot; each changes all traces. */
function menus(lists: readonly { label: string; args: unknown[] }[][]) {
  return lists.map((buttons, i) => ({
    type: "dropdown",
    buttons: buttons.map((button) => ({ ...button, method: "restyle" })),
    x: i * MENU_STEP,
    xanchor: "left",
    y: 1.01,
    yanchor: "bottom",
    pad: { t: 0, b: 0 },
    // Solid: an open menu covers points
    bgcolor: "#f3f4f6",
    bordercolor: "#c4c8ce",
    borderwidth: 1,
    font: { color: "#4a4f57" },
  }));
}
