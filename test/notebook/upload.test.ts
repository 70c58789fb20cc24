// Uploads: files that come in pieces, refused ones, files that are there.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { upload } from "guie/dist/notebook/widgets/upload";
import { temporaryFolder } from "../folders";
import { commOf, forgetComms, sendInPage } from "./fake_comms";

beforeEach(() => forgetComms());

/** Sends a file as the page does; returns the last answer. */
async function send(
  path: string,
  content: Buffer,
  { pieces = [content], bytes = content.length } = {},
): Promise<string> {
  const comm = commOf("AnyModel");
  const last = () =>
    (comm.sent.filter(({ data }) => data.method === "custom").at(-1)!.data.content as { kind: string }).kind;
  await sendInPage(comm, { upload: "1", kind: "file", path, bytes });
  for (const piece of pieces) {
    if (last() !== "send") break;
    await sendInPage(comm, { upload: "1", kind: "piece" }, [piece]);
  }
  return last();
}

test("a file in pieces is in its folder when it is whole; the same one again is fine, another of its name is refused", async (t) => {
  const folder = temporaryFolder(t);
  const photos = upload({ folder });
  const came: (readonly string[])[] = [];
  photos.onUpload((files) => came.push(files));
  const content = Buffer.from("abcdef");
  const pieces = [content.subarray(0, 4), content.subarray(4)];
  assert.equal(await send("äpfel rot/1.JPG", content, { pieces }), "done");
  assert.equal(readFileSync(join(folder, "äpfel rot/1.JPG"), "utf8"), "abcdef");
  assert.equal(await send("a\u0308pfel rot/1.JPG", content), "done", "the same name in another form");
  assert.equal(await send("äpfel rot/1.JPG", Buffer.from("other!")), "refused");
  assert.equal(readFileSync(join(folder, "äpfel rot/1.JPG"), "utf8"), "abcdef");
  assert.equal(await send("empty.png", Buffer.alloc(0), { pieces: [] }), "done");
  await sendInPage(commOf("AnyModel"), { upload: "1", kind: "end" });
  assert.deepEqual(came, [["äpfel rot/1.JPG", "empty.png"]]);
  assert.deepEqual(photos.files, came[0]);
  assert.deepEqual(readdirSync(join(folder, "äpfel rot")), ["1.JPG"], "no temporary file is left");
  assert.match(photos.still().text, /2 files in /);
});

test("paths out of the folder, other kinds of files and large ones are refused with the reason, before they are sent", async (t) => {
  const folder = temporaryFolder(t);
  upload({ folder: join(folder, "in"), maxFileMB: 1, maxTotalMB: 2 });
  for (const path of ["../up.jpg", "/etc/x.jpg", "C:/x.jpg", "a/../../x.jpg", "virus.exe", "zero\0.jpg"])
    assert.equal(await send(path, Buffer.from("x")), "refused", path);
  assert.equal(await send("large.jpg", Buffer.alloc(0), { bytes: 2 ** 20 + 1, pieces: [] }), "refused");
  assert.equal(await send("more.jpg", Buffer.from("xyz"), { bytes: 2 }), "refused");
  assert.equal(existsSync(join(folder, "up.jpg")), false);
  assert.deepEqual(existsSync(join(folder, "in")) ? readdirSync(join(folder, "in")) : [], []);
  await sendInPage(commOf("AnyModel"), { upload: "1", kind: "end" });
  const { refused } = commOf("AnyModel").sent.at(-2)!.data.state as { refused: string[] };
  assert.match(refused.join("\n"), /\.\.\/up\.jpg: the path "\.\.\/up\.jpg" leaves the folder/);
  assert.match(refused.join("\n"), /virus\.exe: it is no image and no table/);
  assert.match(refused.join("\n"), /large\.jpg: it has 2 MB; the limit is 1/);
  assert.match(refused.join("\n"), /more\.jpg: more came than was said/);
});

test("a piece of a file that was not begun is refused; a name with a path is none", async (t) => {
  upload({ folder: temporaryFolder(t) });
  await sendInPage(commOf("AnyModel"), { upload: "2", kind: "piece" }, [Buffer.from("x")]);
  const answer = commOf("AnyModel").sent.at(-1)!.data.content;
  assert.deepEqual(answer, { upload: "2", kind: "refused" });
  assert.throws(() => upload({ name: "../x" }), /"..\/x" is no name of an upload/);
});
