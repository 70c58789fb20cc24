// Sets the fonts of pictures to those of npm packages (fonts.conf).
import { installPath } from "../../common/project";

/** Font configuration, relative to the installation. */
const FONTS_CONF = "lib/notebook/output/fonts.conf";

/**
 * Makes sharp draw text in SVG with the bundled fonts, in this process and its children: fontconfig reads the variable
 * when it first draws text. An existing FONTCONFIG_FILE is kept.
 */
export function useBundledFonts(): void {
  process.env.FONTCONFIG_FILE ??= installPath(FONTS_CONF);
}
