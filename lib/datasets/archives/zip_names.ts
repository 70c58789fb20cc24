// Decodes names in ZIP archives. A name is marked as UTF-8, or it is in the unknown encoding of its maker's system.
import { isUtf8 } from "node:buffer";
import { UserError } from "../../common/errors";

/** An encoding of names: "cp437" (the format's default), or one that `TextDecoder` knows: "gbk", "shift_jis", ... */
export type ZipEncoding = string;

/** Decoding of an archive's names. */
export interface NamesReading {
  encoding: ZipEncoding;
  guessed: boolean;
  /** One decoded name. */
  example: string;
}

/** Characters of code page 437 from byte 128. */
const CP437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
  "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/** Likelihood of a non-ASCII letter in a name of this encoding, 0..1. */
type Likelihood = (letter: string, lead: number, trail: number) => number;

const HAN = /\p{Script=Han}/u;
const FULL_WIDTH_MARK = /[\u3000-\u301f\uff01-\uff5e·—…“”]/u;

const GUESSES: readonly (readonly [ZipEncoding, Likelihood])[] = [
  // lead bytes B0 to D7, trail bytes from A1: the 3,755 common characters of GB 2312; then its others, then GBK's own
  [
    "gbk",
    (letter, lead, trail) =>
      trail < 0xa1 || lead < 0xa1 ? 0.2 : !HAN.test(letter) ? markLikelihood(letter) : lead < 0xd8 ? 1 : 0.7,
  ],
  // lead bytes A4 to C6: the 5,401 common characters
  ["big5", (letter, lead) => (!HAN.test(letter) ? markLikelihood(letter) : lead <= 0xc6 ? 0.93 : 0.4)],
  [
    "shift_jis",
    (letter, lead) =>
      /[\u3040-\u30ff々〆]/u.test(letter)
        ? 1
        : !HAN.test(letter)
          ? markLikelihood(letter)
          : lead < 0x98
            ? 0.9
            : 0.5,
  ],
  [
    "windows-1252",
    (letter) => (/[À-ÖØ-öø-ÿ]/u.test(letter) ? 0.95 : /[œŒšŠžŽŸ’´®°²ªº]/u.test(letter) ? 0.5 : 0.05),
  ],
  ["cp437", (letter) => (/[À-ÿƒ]/u.test(letter) ? 0.94 : 0.05)],
  ["windows-1251", (letter) => (/[А-яЁё]/u.test(letter) ? 0.96 : 0.05)],
  ["ibm866", (letter) => (/[А-яЁё]/u.test(letter) ? 0.96 : 0.05)],
];

function markLikelihood(letter: string): number {
  return FULL_WIDTH_MARK.test(letter) ? 0.9 : /[α-ω]/u.test(letter) ? 0.5 : 0.1;
}

/**
 * Chooses the encoding of names without a UTF-8 mark.
 * @param names their bytes
 * @param encoding the user's choice; guessed for all names together if omitted
 * @returns undefined if all names are ASCII, which is the same in all encodings
 * @throws UserError for an unknown encoding, or names that are not in it
 */
export function readingOf(names: readonly Uint8Array[], encoding?: ZipEncoding): NamesReading | undefined {
  const nonAscii = names.filter((name) => name.some((byte) => byte > 127));
  if (nonAscii.length === 0) return undefined;
  const chosen = encoding === undefined ? guess(nonAscii) : knownEncoding(encoding);
  return { encoding: chosen, guessed: encoding === undefined, example: decodeName(nonAscii[0]!, chosen) };
}

/**
 * Returns the usual name of an encoding: "windows-1252" for "latin1".
 * @throws UserError for an unknown encoding
 */
export function knownEncoding(encoding: ZipEncoding): ZipEncoding {
  return encoding === "cp437" ? encoding : decoderOf(encoding).encoding;
}

/**
 * Decodes a name.
 * @throws UserError for an unknown encoding, or a name that is not in it
 */
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

/** Returns a note on the decoding of an archive's names. */
export function namesNote(archive: string, { encoding, guessed, example }: NamesReading): string {
  const how = guessed ? "do not say their encoding; they were read as" : "were read as";
  const advice = guessed ? ` If that is wrong, delete what was unpacked and give --zip-encoding NAME.` : "";
  return `${archive}: its names ${how} ${encoding}, for example ${JSON.stringify(example)}.${advice}`;
}

const OTHERS = "Others are gbk, shift_jis, big5, euc-kr, windows-1252, windows-1251, ibm866, cp437, utf-8.";

function decoderOf(encoding: ZipEncoding): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  } catch (error) {
    throw new UserError(`--zip-encoding: "${encoding}" is not a known encoding.`, OTHERS, {
      cause: error,
    });
  }
}

function cp437Letter(byte: number): string {
  return byte < 128 ? String.fromCharCode(byte) : CP437[byte - 128]!;
}

/** Maximum number of names to examine; an archive may hold millions. */
const MOST_NAMES = 2_000;

/**
 * Guesses the encoding: valid UTF-8 is hardly ever anything else; otherwise the encoding with the likeliest letters
 * wins.
 */
function guess(names: readonly Uint8Array[]): ZipEncoding {
  if (names.every((name) => isUtf8(name))) return "utf-8";
  const distinct = [...new Map(names.map((name) => [Buffer.from(name).toString("latin1"), name])).values()];
  const sample = distinct.slice(0, MOST_NAMES);
  const scores = GUESSES.map(([encoding, likely]) => [encoding, scoreOf(sample, encoding, likely)] as const);
  return scores.reduce((best, other) => (other[1] > best[1] ? other : best))[0];
}

/**
 * Returns the mean likelihood of the names' non-ASCII letters, weighted by their bytes; 0 if a name is not in the
 * encoding.
 */
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
 * Returns true if a letter is plausible between two others: accented letters come between plain ones, not in rows;
 * letters of other scripts do not occur alone inside a Latin word.
 */
function fitsBetween(before: string, letter: string, after: string): boolean {
  const isLatin = (text: string) => /[a-z]/i.test(text);
  if (/\p{Script=Latin}/u.test(letter)) return [before, after].some((text) => text < "\x80");
  if (/\p{Script=Cyrillic}/u.test(letter)) return !isLatin(before) && !isLatin(after);
  const isAlone = before < "\x80" && after < "\x80";
  return !(isAlone && [before, after].some((text) => /[a-z]/.test(text)));
}

/** Returns the letters of a name with their one or two bytes; undefined for bytes that are not a letter. */
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
