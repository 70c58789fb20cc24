// Names in ZIP archives. A name says that it is UTF-8, or it says nothing: then it is in whatever its maker's system had.
import { isUtf8 } from "node:buffer";
import { UserError } from "../../common/errors";

/** An encoding of names: "cp437" (what the format means), or one that `TextDecoder` knows: "gbk", "shift_jis", ... */
export type ZipEncoding = string;

/** How an archive's names were read. */
export interface NamesReading {
  encoding: ZipEncoding;
  guessed: boolean;
  /** One of the names, as it was read. */
  example: string;
}

/** Latin letters and signs of code page 437, from byte 128. */
const CP437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
  "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/** How likely a letter beyond ASCII is in a name that is in this encoding, 0..1. */
type Likelihood = (letter: string, lead: number, trail: number) => number;

const HAN = /\p{Script=Han}/u;
const FULL_WIDTH_MARK = /[\u3000-\u301f\uff01-\uff5e·—…“”]/u;

const GUESSES: readonly (readonly [ZipEncoding, Likelihood])[] = [
  // leads B0 to D7 with trails from A1: the 3,755 common characters of GB 2312, then its others, then those of GBK alone
  [
    "gbk",
    (letter, lead, trail) =>
      trail < 0xa1 || lead < 0xa1 ? 0.2 : !HAN.test(letter) ? mark(letter) : lead < 0xd8 ? 1 : 0.7,
  ],
  // leads A4 to C6: the 5,401 common characters
  ["big5", (letter, lead) => (!HAN.test(letter) ? mark(letter) : lead <= 0xc6 ? 0.93 : 0.4)],
  [
    "shift_jis",
    (letter, lead) =>
      /[\u3040-\u30ff々〆]/u.test(letter) ? 1 : !HAN.test(letter) ? mark(letter) : lead < 0x98 ? 0.9 : 0.5,
  ],
  [
    "windows-1252",
    (letter) => (/[À-ÖØ-öø-ÿ]/u.test(letter) ? 0.95 : /[œŒšŠžŽŸ’´®°²ªº]/u.test(letter) ? 0.5 : 0.05),
  ],
  ["cp437", (letter) => (/[À-ÿƒ]/u.test(letter) ? 0.94 : 0.05)],
  ["windows-1251", (letter) => (/[А-яЁё]/u.test(letter) ? 0.96 : 0.05)],
  ["ibm866", (letter) => (/[А-яЁё]/u.test(letter) ? 0.96 : 0.05)],
];

function mark(letter: string): number {
  return FULL_WIDTH_MARK.test(letter) ? 0.9 : /[α-ω]/u.test(letter) ? 0.5 : 0.1;
}

/**
 * How to read names that do not say that they are UTF-8; undefined where they are ASCII, which is the same in all.
 * @param names their bytes
 * @param encoding as the user says; guessed for all names together unless told
 * @throws UserError for an encoding that is not known, or that the names are not in
 */
export function readingOf(names: readonly Uint8Array[], encoding?: ZipEncoding): NamesReading | undefined {
  const beyond = names.filter((name) => name.some((byte) => byte > 127));
  if (beyond.length === 0) return undefined;
  const chosen = encoding === undefined ? guess(beyond) : knownEncoding(encoding);
  return { encoding: chosen, guessed: encoding === undefined, example: decodeName(beyond[0]!, chosen) };
}

/** The usual name of an encoding: "windows-1252" for "latin1". @throws UserError for one that is not known */
export function knownEncoding(encoding: ZipEncoding): ZipEncoding {
  return encoding === "cp437" ? encoding : decoderOf(encoding).encoding;
}

/** The text of a name. @throws UserError for an encoding that is not known, or that the name is not in */
export function decodeName(name: Uint8Array, encoding: ZipEncoding): string {
  if (encoding === "cp437") return Array.from(name, cp437Letter).join("");
  const decoder = decoderOf(encoding);
  try {
    return decoder.decode(name);
  } catch (error) {
    const shown = JSON.stringify(Buffer.from(name).toString("latin1"));
    throw new UserError(`The name ${shown} (read as latin-1) is not ${encoding} text.`, OTHERS, {
      cause: error,
    });
  }
}

/** What to tell of names that were guessed. */
export function namesNote(archive: string, { encoding, guessed, example }: NamesReading): string {
  const how = guessed ? "do not say their encoding; they were read as" : "were read as";
  const mend = guessed ? ` If that is wrong, delete what was unpacked and give --zip-encoding NAME.` : "";
  return `${archive}: its names ${how} ${encoding}, for example ${JSON.stringify(example)}.${mend}`;
}

const OTHERS = "Others are gbk, shift_jis, big5, euc-kr, windows-1252, windows-1251, ibm866, cp437, utf-8.";

function decoderOf(encoding: ZipEncoding): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  } catch (error) {
    throw new UserError(`--zip-encoding: "${encoding}" is no encoding that is known.`, OTHERS, {
      cause: error,
    });
  }
}

function cp437Letter(byte: number): string {
  return byte < 128 ? String.fromCharCode(byte) : CP437[byte - 128]!;
}

/** Names that are looked at; an archive may hold millions. */
const MOST_NAMES = 2_000;

/** Valid UTF-8 is hardly ever anything else; of the others the one whose letters are the likeliest. */
function guess(names: readonly Uint8Array[]): ZipEncoding {
  if (names.every((name) => isUtf8(name))) return "utf-8";
  const distinct = [...new Map(names.map((name) => [Buffer.from(name).toString("latin1"), name])).values()];
  const sample = distinct.slice(0, MOST_NAMES);
  const scores = GUESSES.map(([encoding, likely]) => [encoding, scoreOf(sample, encoding, likely)] as const);
  return scores.reduce((best, other) => (other[1] > best[1] ? other : best))[0];
}

/** Mean over the names' letters beyond ASCII, each as heavy as it has bytes; 0 where a name is not in the encoding. */
function scoreOf(names: readonly Uint8Array[], encoding: ZipEncoding, likely: Likelihood): number {
  let [sum, weight] = [0, 0];
  for (const name of names) {
    const letters = lettersOf(name, encoding);
    if (!letters) return 0;
    for (const [i, { letter, bytes }] of letters.entries()) {
      if (bytes[0]! < 128) continue;
      const fits = fitsBetween(letters[i - 1]?.letter ?? "/", letter, letters[i + 1]?.letter ?? "/");
      sum += bytes.length * likely(letter, bytes[0]!, bytes[1] ?? 0) * (fits ? 1 : 0.3);
      weight += bytes.length;
    }
  }
  return sum / weight;
}

/**
 * Whether a letter is plausible between two others: accents stand among plain letters, not in rows; letters of other
 * scripts do not stand alone inside a Latin word.
 */
function fitsBetween(before: string, letter: string, after: string): boolean {
  const isLatin = (text: string) => /[a-z]/i.test(text);
  if (/\p{Script=Latin}/u.test(letter)) return [before, after].some((text) => text < "\x80");
  if (/\p{Script=Cyrillic}/u.test(letter)) return !isLatin(before) && !isLatin(after);
  const isAlone = before < "\x80" && after < "\x80";
  return !(isAlone && [before, after].some((text) => /[a-z]/.test(text)));
}

/** The letters of a name with their bytes, one or two; undefined where bytes are no letter. */
function lettersOf(
  name: Uint8Array,
  encoding: ZipEncoding,
): { letter: string; bytes: Uint8Array }[] | undefined {
  const letters: { letter: string; bytes: Uint8Array }[] = [];
  const letterOf = (bytes: Uint8Array) => {
    try {
      return decodeName(bytes, encoding);
    } catch {
      return undefined;
    }
  };
  for (let i = 0; i < name.length; i += letters.at(-1)!.bytes.length) {
    const found = [name.subarray(i, i + 1), name.subarray(i, i + 2)]
      .map((bytes) => ({ letter: letterOf(bytes), bytes }))
      .find(({ letter }) => letter !== undefined);
    if (!found) return undefined;
    letters.push(found as { letter: string; bytes: Uint8Array });
  }
  return letters;
}
