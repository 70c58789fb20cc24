// Reads Python's pickle format, as far as data needs it. Nothing is executed: a pickle can only call the functions of
// the caller's table, which are TypeScript; any other function, class or opcode is refused by name.
// https://docs.python.org/3/library/pickletools.html
import { UserError } from "../common/errors";
import type { ByteReader } from "./bytes";

/** A function or class that a pickle names: `module.name`. */
export class PickleGlobal {
  constructor(readonly qualifiedName: string) {}
}

/**
 * A value of a pickle: null for None, an array for a list or tuple, a Map for a dict, a bigint for an int that is too
 * large for a double; or a result of the table's functions.
 */
export type PickleValue = unknown;

/** The things that a pickle may refer to. */
export interface PickleRules {
  /** The file's name, for messages. */
  path: string;
  /** The functions that a pickle may call, by their qualified name; null for a name that it may only mention. */
  globals: ReadonlyMap<string, ((args: PickleValue[]) => PickleValue) | null>;
  /** Resolves a persistent id (PyTorch: a storage). */
  persistent?: (id: PickleValue) => PickleValue;
}

/** The state of the decoder. */
interface Machine {
  reader: ByteReader;
  rules: PickleRules;
  stack: PickleValue[];
  /** Heights of the stack at each MARK. */
  marks: number[];
  memo: Map<number, PickleValue>;
}

/**
 * Reads one pickle from its first opcode to STOP.
 * @throws UserError for anything that is not data, naming it, and for bytes that are not a pickle
 */
export function readPickle(reader: ByteReader, rules: PickleRules): PickleValue {
  const machine: Machine = { reader, rules, stack: [], marks: [], memo: new Map() };
  for (;;) {
    const code = reader.take(1).toString("latin1");
    if (code === STOP) return pop(machine);
    const run = OPCODES.get(code);
    if (!run) throw refused(rules.path, `the pickle opcode ${REFUSED.get(code) ?? JSON.stringify(code)}`);
    run(machine);
  }
}

const STOP = ".";

type Opcode = (machine: Machine) => void;

const push = (machine: Machine, value: PickleValue): void => {
  machine.stack.push(value);
};

/** The effect of each opcode, by its byte as Latin-1 text. */
const OPCODES = new Map<string, Opcode>([
  ["\x80", (m) => void m.reader.take(1)], // PROTO: the opcodes say all
  ["\x95", (m) => void m.reader.take(8)], // FRAME: a hint for buffering
  ["(", (m) => void m.marks.push(m.stack.length)],
  ["N", (m) => push(m, null)],
  ["\x88", (m) => push(m, true)],
  ["\x89", (m) => push(m, false)],
  ["J", (m) => push(m, m.reader.take(4).readInt32LE())],
  ["K", (m) => push(m, m.reader.take(1)[0])],
  ["M", (m) => push(m, m.reader.take(2).readUInt16LE())],
  ["\x8a", (m) => push(m, littleEndian(m.reader.take(m.reader.take(1)[0]!)))],
  ["G", (m) => push(m, m.reader.take(8).readDoubleBE())],
  ["X", (m) => push(m, text(m, m.reader.take(4).readUInt32LE()))],
  ["\x8c", (m) => push(m, text(m, m.reader.take(1)[0]!))],
  // Texts and bytes of Python 2.
  ["T", (m) => push(m, text(m, m.reader.take(4).readUInt32LE()))],
  ["U", (m) => push(m, text(m, m.reader.take(1)[0]!))],
  [")", (m) => push(m, [])],
  ["]", (m) => push(m, [])],
  ["t", (m) => push(m, popToMark(m))],
  ["\x85", (m) => push(m, popCount(m, 1))],
  ["\x86", (m) => push(m, popCount(m, 2))],
  ["\x87", (m) => push(m, popCount(m, 3))],
  ["}", (m) => push(m, new Map())],
  ["a", (m) => append(m, popCount(m, 1))],
  ["e", (m) => append(m, popToMark(m))],
  ["s", (m) => setItems(m, popCount(m, 2))],
  ["u", (m) => setItems(m, popToMark(m))],
  ["q", (m) => void m.memo.set(m.reader.take(1)[0]!, top(m))],
  ["r", (m) => void m.memo.set(m.reader.take(4).readUInt32LE(), top(m))],
  ["\x94", (m) => void m.memo.set(m.memo.size, top(m))],
  ["h", (m) => recall(m, m.reader.take(1)[0]!)],
  ["j", (m) => recall(m, m.reader.take(4).readUInt32LE())],
  ["c", (m) => pushGlobal(m, line(m), line(m))],
  ["\x93", (m) => pushGlobal(m, ...(popCount(m, 2).map(String) as [string, string]))],
  ["R", call],
  ["b", ignoreAttributes],
  ["\x81", newObject],
  ["Q", persistent],
]);

/** Names of the opcodes that make objects of any class, or that no state dict needs. */
const REFUSED = new Map([
  ["\x92", "NEWOBJ_EX"],
  ["i", "INST"],
  ["o", "OBJ"],
  ["\x82", "EXT1"],
  ["\x83", "EXT2"],
  ["\x84", "EXT4"],
  ["P", "PERSID"],
]);

function pop(machine: Machine): PickleValue {
  if (machine.stack.length <= (machine.marks.at(-1) ?? 0))
    throw damaged(machine.rules.path, "its stack is empty");
  return machine.stack.pop();
}

function top({ stack, rules }: Machine): PickleValue {
  if (stack.length === 0) throw damaged(rules.path, "its stack is empty");
  return stack.at(-1);
}

function popCount(machine: Machine, count: number): PickleValue[] {
  return Array.from({ length: count }, () => pop(machine)).reverse();
}

function popToMark({ stack, marks, rules }: Machine): PickleValue[] {
  const mark = marks.pop();
  if (mark === undefined) throw damaged(rules.path, "a MARK is missing");
  return stack.splice(mark);
}

function append(machine: Machine, values: PickleValue[]): void {
  const list = top(machine);
  if (!Array.isArray(list)) throw damaged(machine.rules.path, "it appends to something that is not a list");
  for (const value of values) list.push(value);
}

function setItems(machine: Machine, keysAndValues: PickleValue[]): void {
  const dict = top(machine);
  if (!(dict instanceof Map))
    throw damaged(machine.rules.path, "it sets an item of something that is not a dict");
  for (let i = 0; i + 1 < keysAndValues.length; i += 2) dict.set(keysAndValues[i], keysAndValues[i + 1]);
}

function recall(machine: Machine, key: number): void {
  if (!machine.memo.has(key))
    throw damaged(machine.rules.path, `it refers to value ${key}, which is not there`);
  push(machine, machine.memo.get(key));
}

function pushGlobal(machine: Machine, module: string, name: string): void {
  const qualifiedName = `${module}.${name}`;
  if (!machine.rules.globals.has(qualifiedName)) throw refused(machine.rules.path, qualifiedName);
  push(machine, new PickleGlobal(qualifiedName));
}

function call(machine: Machine): void {
  const [callee, args] = popCount(machine, 2);
  const { globals, path } = machine.rules;
  if (!(callee instanceof PickleGlobal) || !Array.isArray(args))
    throw damaged(path, "it calls something that is not a function");
  const body = globals.get(callee.qualifiedName);
  if (!body) throw refused(path, `a call of ${callee.qualifiedName}`);
  push(machine, body(args));
}

/** Makes an object of a class for which the table has a function; refuses other classes. */
function newObject(machine: Machine): void {
  const callee = machine.stack.at(-2);
  const isKnown = callee instanceof PickleGlobal && machine.rules.globals.get(callee.qualifiedName);
  if (!isKnown) throw refused(machine.rules.path, "the pickle opcode NEWOBJ");
  call(machine);
}

/** Drops the attributes of a dict: PyTorch's OrderedDict carries `_metadata`, which says nothing about its tensors. */
function ignoreAttributes(machine: Machine): void {
  pop(machine);
  if (!(top(machine) instanceof Map))
    throw refused(machine.rules.path, "attributes of something that is not a dict (BUILD)");
}

function persistent(machine: Machine): void {
  const { persistent, path } = machine.rules;
  if (!persistent) throw refused(path, "a persistent id where none belongs");
  push(machine, persistent(pop(machine)));
}

function text({ reader }: Machine, length: number): string {
  return reader.take(length).toString("utf8");
}

/** Reads the name of a module or function, which ends with a line feed. */
function line({ reader }: Machine): string {
  const bytes: number[] = [];
  for (let byte = reader.take(1)[0]!; byte !== 0x0a; byte = reader.take(1)[0]!) bytes.push(byte);
  return Buffer.from(bytes).toString("utf8");
}

/** Decodes an integer in two's complement of any length. */
function littleEndian(bytes: Buffer): number | bigint {
  let value = 0n;
  for (const byte of [...bytes].reverse()) value = (value << 8n) | BigInt(byte);
  const signed = BigInt.asIntN(8 * bytes.length, value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}

/** Names of quantised tensors in PyTorch and in libraries that quantise. */
const QUANTISED = /qtensor|\.Q(U?Int8|Int32|UInt4x2)Storage|torchao|bitsandbytes|quanto/;

function refused(path: string, what: string): UserError {
  const next = QUANTISED.test(what)
    ? "Its weights are quantised: save them as numbers, torch.save({k: v.dequantize() for k, v in model.state_dict().items()}, path), or take the original's."
    : "Save the weights alone, torch.save(model.state_dict(), path), or take a safetensors file.";
  return new UserError(
    `${path} was refused: it asks for ${what}, which no file of weights needs. Nothing was executed.`,
    next,
  );
}

function damaged(path: string, fault: string): UserError {
  return new UserError(`${path} holds a damaged pickle: ${fault}.`, "Make or download the file again.");
}
