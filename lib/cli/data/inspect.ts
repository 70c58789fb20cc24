// `guie inspect`: finds what is wrong with photos, and writes a page and tables to look at.
import { basename, join } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import { textTable } from "../../common/text_table";
import { leftOutText } from "../../datasets/own/left_out";
import { sourcePath } from "../../datasets/own/read_own_images";
import { MODEL_FORMS } from "../../embedding/find_model";
import { inspectPhotos, inspectShare } from "../../inspection/inspect";
import { requireReportFolder, writeReport } from "../../inspection/report_files";
import { leftOutOf, sectionsOf } from "../../inspection/report_sections";
import { type CommandResult, setAction } from "../shared/command";
import { addPartFlag, type PartFlag, partOfFlag, partResult } from "../shared/part_flag";
import { addSourceFlags, SOURCE_FLAGS, type SourceFlags, sourceSettings } from "../shared/source_flags";

interface InspectCommandOptions extends SourceFlags, PartFlag {
  model?: string;
  dataDir?: string;
  out?: string;
}

/** Folder of reports about photos outside of a data directory. */
const HOME = "inspected";

/** Registers `guie inspect`: broken files, twins, wrong labels, odd classes. */
export function registerInspect(program: Command): void {
  const command = program
    .command("inspect")
    .argument(
      "[photos]",
      "folder of photos, an archive of one, a table or a list, as guie embed takes it; names of folders are classes",
    )
    .description(
      "Find what is wrong with photos: broken and odd files, one photo twice, likely wrong labels, classes that are " +
        "one or two. Writes a page with pictures, and tables.",
    )
    .option(
      "--data-dir <dir>",
      "a merged data directory instead of photos: with training, validation, held out",
    )
    .option(
      "--model <model>",
      `model that compares: ${MODEL_FORMS} (default: the backbone of the preset demo)`,
    )
    .option("--out <folder>", `folder to write (default: ${HOME}/NAME, or inspected/ in the data directory)`);
  addSourceFlags(command);
  addPartFlag(command);
  setAction<InspectCommandOptions>(command, inspect, [
    { options: SOURCE_FLAGS, needs: ["[photos]"] },
    {
      options: ["--out"],
      without: "--part",
      next: "Leave it out: only the last call, without --part, writes.",
    },
  ]);
}

async function inspect(
  { model, dataDir, out, ...flags }: InspectCommandOptions,
  [photos]: readonly string[],
): Promise<CommandResult> {
  if ((photos === undefined) === (dataDir === undefined))
    throw new UserError(
      "Expected photos, or --data-dir: one of the two.",
      "For example npx guie inspect photos/",
    );
  const home = dataDir === undefined ? join(HOME, basename(sourcePath(photos!))) : join(dataDir, HOME);
  const folder = projectPath(out ?? home);
  requireReportFolder(folder);
  const settings = { ...sourceSettings(flags), photos, dataDir, model, onProgress: terminalProgress() };
  const part = partOfFlag(flags);
  if (part) {
    const share = await inspectShare({ ...settings, part });
    return partResult(part, `${share.photos} of ${share.total} photos looked at`, share);
  }
  const report = await inspectPhotos(settings);
  const page = await writeReport(folder, report);
  const sections = sectionsOf(report);
  const labels = report.classes < 2 ? ", no classes: only what needs none" : ` in ${report.classes} classes`;
  const leftOut = leftOutText(leftOutOf(report.oddFiles));
  const text = [
    textTable(
      ["found", "rows", "table"],
      sections.map(({ title, rows, name }) => [title, rows.length, `${name}.csv`]),
    ),
    ...[leftOut].filter(Boolean),
    `${report.photos} photos${labels}. Look at them: ${page}`,
  ];
  const counts = Object.fromEntries(sections.map(({ name, rows }) => [name, rows.length]));
  const { classes, wrongShare } = report;
  return { text: text.join("\n"), summary: { photos: report.photos, classes, wrongShare, counts, page } };
}
