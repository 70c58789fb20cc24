// The rows of a run's steps from the tars of `guie pack`, with the bytes of their images. Shapes: N rows of the table.
import type { TarRowSettings } from "../../config/parts";
import { MemberStream } from "../../packs/member_stream";
import { type OpenedPack, openPack } from "../../packs/open_pack";
import type { Position } from "../step/schedule";
import { epochLength, type PassRow, passRow, remembered } from "./epoch_rows";
import type { TrainingFiles } from "./run_data";
import { ONE_PROCESS, type Shard } from "./samplers";
import { tarOrder } from "./tar_order";

/** The rows of a step, with the bytes of their files. */
export interface TarStep {
  rows: PassRow[];
  contents: Promise<Uint8Array>[];
}

/** A process's rows by position. Consecutive positions read the tars in sequence; any other one begins anew there. */
export class TarRows {
  readonly #config: TarRowSettings;
  readonly #opened: OpenedPack;
  readonly #passes: number;
  readonly #rowCount: number;
  readonly #orderOf: (epoch: number) => ReturnType<typeof tarOrder>;
  #stream: { epoch: number; members: MemberStream } | undefined;

  private constructor(config: TarRowSettings, opened: OpenedPack, shard: Shard) {
    this.#config = config;
    this.#opened = opened;
    this.#rowCount = opened.images.length;
    this.#passes = epochLength(config, this.#rowCount, shard.worldSize).passes;
    const rowsOfTars = rowsByTar(opened);
    this.#orderOf = remembered((epoch: number) => tarOrder(config, rowsOfTars, epoch, this.#passes, shard));
  }

  /**
   * Finds the rows of a table in its pack.
   * @throws UserError as `openPack`
   */
  static async open(
    config: TarRowSettings,
    { files }: Pick<TrainingFiles, "files">,
    shard = ONE_PROCESS,
  ): Promise<TarRows> {
    return new TarRows(config, await openPack(config, files), shard);
  }

  /** Returns the rows of a step and asks for their images, and for those that the next steps may need. */
  at({ epoch, stepInEpoch }: Position): TarStep {
    const { batchSize } = this.#config;
    const { reading, order } = this.#orderOf(epoch);
    const start = (stepInEpoch - 1) * batchSize;
    const numbers = Array.from(order.subarray(start, start + batchSize), (place) => reading[place]!);
    const rows = numbers.map((number) => passRow(number, this.#rowCount, (epoch - 1) * this.#passes));
    return { rows, contents: this.#streamAt(epoch, start).take(rows.length) };
  }

  #streamAt(epoch: number, start: number): MemberStream {
    if (this.#stream?.epoch === epoch && this.#stream.members.next === start) return this.#stream.members;
    const { pack, images } = this.#opened;
    const { reading, order } = this.#orderOf(epoch);
    const ofReading = Int32Array.from(reading, (number) => images[number % this.#rowCount]!);
    const plan = { images: ofReading, order, held: this.#config.shuffleBuffer };
    this.#stream = { epoch, members: new MemberStream(pack, plan, start) };
    return this.#stream.members;
  }
}

/** Returns the rows of each tar in the order of their images; rows of one image follow each other. */
function rowsByTar({ pack, images }: OpenedPack): Int32Array[] {
  // counting sort: the first place of each image's rows
  const places = new Int32Array(pack.lengths.length + 1);
  for (const image of images) places[image + 1]!++;
  for (let i = 1; i < places.length; i++) places[i]! += places[i - 1]!;
  const tarEnds = new Int32Array(pack.tars.length);
  for (let image = 0; image < pack.lengths.length; image++) tarEnds[pack.tarOf[image]!] = places[image + 1]!;
  const rows = new Int32Array(images.length);
  for (const [row, image] of images.entries()) rows[places[image]!++] = row;
  return Array.from(tarEnds, (end, tar) => rows.subarray(tar === 0 ? 0 : tarEnds[tar - 1], end));
}
