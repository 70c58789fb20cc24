// Makes ZIP and tar archives for tests, including hostile ones.
import { crc32, deflateRawSync, gzipSync } from "node:zlib";

/** An entry in the formats' own terms: nothing is checked, so that hostile archives can be made. */
export interface MadeEntry {
  path: string | Buffer;
  content?: string | Buffer;
  /** Unix mode with its file type; a plain file if omitted. */
  mode?: number;
  /** tar: the type flag ("0" file, "1" link, "2" symbolic link, "5" folder). */
  type?: string;
  link?: string;
  /** Records a false size or checksum of the content (ZIP). */
  size?: number;
  sum?: number;
}

const PLAIN_FILE = 0o100644;

/** Returns a ZIP archive (APPNOTE.TXT, 4.3): local headers with contents, central directory, end record. */
export function makeZip(entries: readonly MadeEntry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.path as string);
    const content = Buffer.from((entry.content ?? "") as string);
    const packed = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2); // names are UTF-8
    common.writeUInt16LE(8, 4); // deflate
    common.writeUInt32LE(entry.sum ?? crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(entry.size ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, name, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((entry.mode ?? PLAIN_FILE) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02"), Buffer.from([20, 3]), common, tail, name); // 3: made on Unix
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, central, Buffer.from("PK\x05\x06"), end]);
}

const BLOCK = 512;

/** Returns a tar archive (POSIX ustar). */
export function makeTar(entries: readonly MadeEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from((entry.content ?? "") as string);
    const header = Buffer.alloc(BLOCK);
    Buffer.from(entry.path as string).copy(header, 0);
    header.write("0000644\0", 100, "latin1");
    header.write(`${(entry.size ?? content.length).toString(8).padStart(11, "0")}\0`, 124, "latin1");
    header.write("00000000000\0", 136, "latin1");
    header.write("        ", 148, "latin1");
    header.write(entry.type ?? "0", 156, "latin1");
    header.write(entry.link ?? "", 157, "latin1");
    header.write("ustar\x0000", 257, "latin1");
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    return [header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

/** Returns a tar archive compressed by gzip. */
export function makeTgz(entries: readonly MadeEntry[]): Buffer {
  return gzipSync(makeTar(entries));
}
