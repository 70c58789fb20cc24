// Download instructions of a data set.
import { shellQuoted } from "../common/shell";

/**
 * The way to get a data set. Nothing is downloaded automatically: most sources require an account or agreement to
 * terms.
 */
export type Download =
  | { how: "kaggle competition"; slug: string }
  | { how: "kaggle data set"; slug: string }
  | { how: "direct link"; url: string }
  | { how: "git"; url: string; folder: string }
  | { how: "by hand"; note: string }
  | { how: "drawn"; command: string }
  | { how: "own photos"; source: string };

/** Returns the steps that bring a data set into `folder`, one line each: sentences and shell commands. */
export function downloadSteps(download: Download, source: string, folder: string): string[] {
  switch (download.how) {
    case "kaggle competition":
      return [
        `Accept the rules on ${source} (needs a Kaggle account; its command line: pip install kaggle), then:`,
        `kaggle competitions download -c ${download.slug} -p ${shellQuoted(folder)}`,
      ];
    case "kaggle data set":
      return [
        `See the terms on ${source} (needs a Kaggle account; its command line: pip install kaggle), then:`,
        `kaggle datasets download -d ${download.slug} -p ${shellQuoted(folder)}`,
      ];
    case "direct link":
      return [
        `See the terms on ${source}, then:`,
        `curl -L -C - --create-dirs --output-dir ${shellQuoted(folder)} -O ${download.url}`,
      ];
    case "git":
      return [
        `git clone --depth 1 ${download.url} ${shellQuoted(`${folder}.git`)}`,
        `mv ${shellQuoted(`${folder}.git/${download.folder}`)} ${shellQuoted(folder)}`,
      ];
    case "by hand":
      return [`Get it by hand from ${source} into ${folder}. ${download.note}`];
    case "drawn":
      return [download.command];
    case "own photos":
      return [`Your own photos are expected in ${download.source}.`];
  }
}
