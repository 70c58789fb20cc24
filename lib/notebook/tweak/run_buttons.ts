// Buttons that start and stop the run of a config; its status follows in place.
import { escapeHtml } from "../../common/html";
import { Interrupted } from "../../common/interrupt";
import { followRun, isLive, type RunView } from "../../runs/follow";
import { listRuns, readRunConfig, runFolder } from "../../runs/run_folder";
import { isUnderWay } from "../../runs/start_folder";
import { chartSvg } from "../output/curve_svg";
import { attachRun, type RunHandle, startRun } from "../views/run_handle";
import { lossSeries, statusBundle } from "../views/run_views";
import { column, liveHtml, row } from "../widgets/boxes";
import { button } from "../widgets/controls";
import type { Still, Widget } from "../widgets/widget";
import type { Config } from "./moved_settings";

/**
 * Returns a button that starts the run of the config that `config()` returns, one that stops it, and the run's status. A
 * run of this name that is under way is followed at once, else one of the same preset and stage: the cell may have started
 * it before the kernel was restarted.
 */
export function runButtons(config: () => Config): Widget {
  const start = button("Start this run", { style: "primary" });
  const stop = button("Stop", {
    style: "danger",
    tooltip: "It saves its state: starting again goes on from there",
  });
  const status = liveHtml();
  stop.disabled = true;
  let run: RunHandle | undefined;
  const follow = async (started: RunHandle) => {
    run = started;
    start.disabled = true;
    stop.disabled = false;
    const onView = (view: RunView) => status.set(statusStill(view, started.note));
    const isGone = () => !status.model.isOpen();
    try {
      for (let view: RunView | undefined; (!view || isLive(view)) && !isGone(); )
        view = await followRun(started.folder, onView, isGone).catch(goOnAfterInterrupt);
    } finally {
      start.disabled = false;
      stop.disabled = true;
    }
  };
  start.onClick(() => follow(startRun(config())));
  stop.onClick(() => {
    stop.disabled = true;
    run?.stop();
  });
  const underWay = status.model.isOpen() ? runUnderWay(config()) : undefined;
  if (underWay !== undefined) void follow(attachRun(underWay));
  return column(row(start, stop), status);
}

/** Returns the name of the run of a config if it is under way, else of one of its preset and stage; undefined for none. */
function runUnderWay({ runName, configName, stage }: Config): string | undefined {
  const isAlike = (name: string) => {
    const other = readRunConfig(runFolder(name));
    return other.configName === configName && other.stage === stage;
  };
  const live = [runName, ...listRuns()].filter((name) => isUnderWay(runFolder(name)));
  return live.find((name) => name === runName || isAlike(name));
}

const AFTER_INTERRUPT_MS = 500;

/** Interrupt ends the cell that runs, not the look at a run. */
async function goOnAfterInterrupt(error: unknown): Promise<undefined> {
  if (!(error instanceof Interrupted)) throw error;
  await new Promise((done) => setTimeout(done, AFTER_INTERRUPT_MS));
}

function statusStill(view: RunView, note = ""): Still {
  const bundle = statusBundle(view);
  const { x, y } = lossSeries(view, "loss");
  const chart = x.length > 1 ? chartSvg({ title: "Loss", x: "step", lines: [{ name: "loss", x, y }] }) : "";
  const told = note && `<div>${escapeHtml(note)}</div>`;
  return {
    html: `<div class="jp-RenderedHTMLCommon" style="line-height: 1.5; padding: 0">${told}${bundle["text/html"]}</div>${chart}`,
    text: String(bundle["text/plain"]),
  };
}
