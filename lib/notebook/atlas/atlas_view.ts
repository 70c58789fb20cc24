// The atlas as a widget: lasso, pictures of an image and of its nearest ones, a selection that the next cell reads.
import { relative } from "node:path";
import { messageOf, UserError } from "../../common/errors";
import { projectPath } from "../../common/project";
import { type ExcludedImages, excludeImages } from "../../tables/exclude";
import { thumbnail } from "../output/images";
import { widget } from "../widgets/own";
import type { Widget } from "../widgets/widget";
import type { Atlas, AtlasNeighbour, AtlasPoint } from "./atlas";
import { atlasPage, atlasState } from "./atlas_state";
import type { PlacedImage } from "./own_image";
import type { AtlasAnswer, AtlasItem, AtlasQuestion, AtlasState } from "./page";
import { atlasStill } from "./still";

/** An atlas in a cell. */
export interface AtlasView extends Widget {
  /** Returns the selected images, in the order of the atlas; none if nothing is selected. */
  selected(): AtlasPoint[];
  /**
   * Adds the selected images to `<data-dir>/exclude.csv`; the next merge leaves them out. Rows that are there stay.
   * @throws UserError if nothing is selected
   */
  exclude(reason?: string): Promise<ExcludedImages>;
  /** Calls `handler` with the selected images after each change. */
  onSelect(handler: (selected: AtlasPoint[]) => unknown): () => void;
}

const NEIGHBOURS = 6;
const [LARGE_PX, SMALL_PX] = [240, 96];

/**
 * Shows an atlas: circles are index images, diamonds are queries. Menus change the map (UMAP, PCA) and the colours: data
 * sets, classes, whether a query's nearest image is right. Pointing at a point shows its image, a click also its nearest
 * images of the index; a lasso selects.
 * @param placed the user's own images, drawn as stars
 * @example
 * const view = await atlasView(atlas);
 * await show(view); // draw a lasso
 * view.selected(); // in the next cell
 */
export async function atlasView(atlas: Atlas, placed: readonly PlacedImage[] = []): Promise<AtlasView> {
  const { points, dataDir } = atlas;
  const state = atlasState(atlas, placed);
  const picture = await atlasStill(state);
  const page = widget<AtlasState>({ ...atlasPage(), state, still: () => picture });
  page.onMessage(async (content) => {
    const question = content as AtlasQuestion;
    const items = await itemsOf(atlas, placed, question);
    const answer: AtlasAnswer = { ...question, items: items.map(({ item }) => item) };
    page.send(
      answer,
      items.map(({ jpeg }) => jpeg),
    );
  });
  const selected = () => indicesOf(page.state.selected).flatMap((point) => points[point] ?? []);
  return Object.assign(page as Widget, {
    selected,
    async exclude(reason = "") {
      const images = selected().map(({ image }) => relative(projectPath(dataDir), image));
      if (images.length === 0)
        throw new UserError(
          "Nothing is selected in the atlas.",
          "Draw a lasso around points, then run this again.",
        );
      return excludeImages(
        projectPath(dataDir),
        images.map((image) => ({ image, reason })),
      );
    },
    onSelect(handler: (selected: AtlasPoint[]) => unknown) {
      let before = page.state.selected;
      return page.onChange(({ selected: now }) => {
        if (now === before) return undefined;
        before = now;
        return handler(selected());
      });
    },
  });
}

/** Returns a list of uint32 numbers, which a page sends as bytes. */
function indicesOf(selected: Uint32Array | Uint8Array): number[] {
  return [
    ...(selected instanceof Uint32Array ? selected : new Uint32Array(Uint8Array.from(selected).buffer)),
  ];
}

type Words = Omit<AtlasItem, "path">;

/** Returns the answer to a question of the page: the image itself, then its nearest ones. */
async function itemsOf(atlas: Atlas, placed: readonly PlacedImage[], { kind, point }: AtlasQuestion) {
  const own = atlas.points[point];
  const given = placed[point - atlas.points.length];
  if (!own && !given) return [];
  const item = own ? itemOf(own, point) : ownItem(given!, point);
  const found = kind === "open" ? await atlas.nearest(own ? point : given!.vector, NEIGHBOURS) : [];
  const near = found.map((neighbour) => nearItem(neighbour, own?.label));
  const files = [own?.image ?? given!.image, ...found.map(({ image }) => image.image)];
  return Promise.all(
    [item, ...near].map((words, i) => {
      const path = shortPath(atlas.dataDir, files[i]!);
      return pictured({ ...words, path }, files[i]!, i === 0 ? LARGE_PX : SMALL_PX);
    }),
  );
}

/** Returns a path below the data directory; others as they are. */
function shortPath(dataDir: string, file: string): string {
  const path = relative(projectPath(dataDir), file);
  return path.startsWith("..") ? file : path;
}

async function pictured(item: AtlasItem, file: string, sizePx: number) {
  try {
    return { item, jpeg: (await thumbnail(file, sizePx)).jpeg };
  } catch (error) {
    return { item: { ...item, problem: messageOf(error) }, jpeg: new Uint8Array() };
  }
}

function itemOf({ className, dataset, role, nearest }: AtlasPoint, point: number): Words {
  const found = nearest && (nearest.isRight ? "nearest is right" : `nearest: ${nearest.className}`);
  return {
    title: className,
    detail: [dataset, role, found].filter(Boolean).join(" · "),
    frame: nearest ? (nearest.isRight ? "green" : "red") : "plain",
    point,
  };
}

function ownItem({ name }: PlacedImage, point: number): Words {
  return { title: name, detail: "your image", frame: "plain", point };
}

function nearItem({ image, cosine, place }: AtlasNeighbour, label: number | undefined): Words {
  return {
    title: image.className,
    detail: cosine.toFixed(3),
    frame: label === undefined ? "plain" : image.label === label ? "green" : "red",
    point: place,
  };
}
