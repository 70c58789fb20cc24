// The address of a Milvus collection, as a person writes it: milvus://host:port/collection.
import { UserError } from "../common/errors";

/** The form of an address, for help and messages. */
export const MILVUS_FORM = "milvus://HOST:PORT/COLLECTION (milvuss:// for TLS)";

/** A collection on a server. */
export interface MilvusAddress {
  /** The whole address, without secrets. */
  url: string;
  /** Host and port, as gRPC takes them. */
  server: string;
  collection: string;
  /** True to encrypt the connection. */
  tls: boolean;
}

const MILVUS_PORT = 19530;
/** Milvus's own rule for names. */
const COLLECTION = /^[A-Za-z_]\w{0,254}$/;

/** Returns whether a text names a collection of Milvus rather than files. */
export function isMilvus(text: unknown): text is string {
  return typeof text === "string" && /^milvuss?:/i.test(text);
}

/**
 * Reads an address. The port may be left out: 19530.
 * @throws UserError if it has another form, or holds a name and a password, which are not repeated in the message
 * @example
 * parseMilvus("milvus://127.0.0.1:19530/photos").collection // "photos"
 */
export function parseMilvus(text: string): MilvusAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.username !== "" || url.password !== "" || url.search !== ""))
    throw new UserError(
      "The address of a Milvus collection holds a name, a password or a query, which would end up in logs.",
      `Write ${MILVUS_FORM}, and set the token in the environment: GUIE_MILVUS_TOKEN=NAME:PASSWORD`,
    );
  const collection = url?.pathname.slice(1) ?? "";
  if (!url || url.hostname === "" || url.hash !== "" || !COLLECTION.test(collection))
    throw new UserError(
      `Expected ${MILVUS_FORM}, got ${text}.`,
      "A collection's name has letters, digits and _, and does not begin with a digit.",
    );
  const server = `${url.hostname}:${url.port === "" ? MILVUS_PORT : url.port}`;
  const scheme = url.protocol.toLowerCase();
  return { url: `${scheme}//${server}/${collection}`, server, collection, tls: scheme === "milvuss:" };
}
