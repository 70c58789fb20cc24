// Fonts for pictures, from npm packages (fonts.conf).
import { installPath } from "../../common/project";

/** Where the fonts of pictures are configured. */
const FONTS_CONF = "lib/notebook/output/fonts.conf";

/**
 * Gives the pictures that sharp draws (SVG with words) their fonts, in this process and its children: fontconfig reads
 * the variable at the first word. A person's own FONTCONFIG_FILE stays.
 */
export function bringFonts(): void {
  process.env.FONTCONFIG_FILE ??= installPath(FONTS_CONF);
}
