// A small assembler for WebAssembly, whose vector instructions JavaScript itself does not have. An instruction is
// written as an expression, operands first: op("f32x4.add", a, b). Encodings: webassembly.github.io/spec/core/binary.

/** Instructions as bytes. */
export type Code = readonly number[];

/** Types of parameters and locals. */
const TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;

/** Plain instructions: operands come off the stack, the result goes onto it. */
const OPERATIONS = {
  "i32.add": [0x6a],
  "i32.lt_u": [0x49],
  "i32.le_u": [0x4d],
  "i8x16.narrow_i16x8_u": vector(0x66),
  "i16x8.narrow_i32x4_u": vector(0x86),
  "i16x8.extend_low_i8x16_u": vector(0x89),
  "i16x8.extend_high_i8x16_u": vector(0x8a),
  "i16x8.add": vector(0x8e),
  "i32x4.extend_low_i16x8_u": vector(0xa9),
  "i32x4.extend_high_i16x8_u": vector(0xaa),
  "f32x4.nearest": vector(0x6a),
  "f32x4.add": vector(0xe4),
  "f32x4.mul": vector(0xe6),
  "i32x4.trunc_sat_f32x4_s": vector(0xf8),
  "f32x4.convert_i32x4_s": vector(0xfa),
} as const;

/** Loads: the operand is an address in bytes. */
const LOADS = {
  "i32.load": [0x28],
  "v128.load": vector(0x00),
  "v128.load32_splat": vector(0x09),
} as const;

/** Parameters and locals are numbered together, in this order. */
export interface WasmFunction {
  parameters: readonly (keyof typeof TYPES)[];
  locals: readonly (keyof typeof TYPES)[];
  body: readonly Code[];
}

/** `name` of `operands`. */
export function op(name: keyof typeof OPERATIONS, ...operands: readonly Code[]): Code {
  return [...operands.flat(), ...OPERATIONS[name]];
}

/** A constant. */
export function i32(value: number): Code {
  return [0x41, ...signed(value)];
}

/** The value of a parameter or local. */
export function get(local: number): Code {
  return [0x20, ...unsigned(local)];
}

/** Gives a parameter or local a value. */
export function set(local: number, value: Code): Code {
  return [...value, 0x21, ...unsigned(local)];
}

/** What is at an address, `offset` bytes on. */
export function load(name: keyof typeof LOADS, address: Code, offset = 0): Code {
  return [...address, ...LOADS[name], 0, ...unsigned(offset)];
}

/** Writes 16 bytes to an address, `offset` bytes on. */
export function store(address: Code, value: Code, offset = 0): Code {
  return [...address, ...value, ...vector(0x0b), 0, ...unsigned(offset)];
}

/** Writes the first 4 of a vector's bytes. */
export function store32(address: Code, value: Code): Code {
  return [...address, ...value, ...vector(0x5a), 0, 0, 0];
}

/** Does `body` at least once, and again as long as `condition` holds afterwards. */
export function doWhile(condition: Code, ...body: readonly Code[]): Code {
  return [0x03, 0x40, ...body.flat(), ...condition, 0x0d, 0, 0x0b];
}

/** Does `body` where `condition` holds. */
export function when(condition: Code, ...body: readonly Code[]): Code {
  return [...condition, 0x04, 0x40, ...body.flat(), 0x0b];
}

/** A function on a memory of JavaScript's, ready to be called; it returns nothing. */
export function compile(
  { parameters, locals, body }: WasmFunction,
  memory: WebAssembly.Memory,
): (...values: number[]) => void {
  const types = list(parameters.map((type) => [TYPES[type]]));
  const variables = list(locals.map((type) => [1, TYPES[type]]));
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic, version
    ...section(1, list([[0x60, ...types, 0]])), // a function's type
    ...section(2, list([[...text("js"), ...text("memory"), 0x02, 0x00, 0]])), // import of the memory
    ...section(3, list([[0]])), // a function of the first type
    ...section(7, list([[...text("f"), 0x00, 0]])), // its export
    ...section(10, list([sized([...variables, ...body.flat(), 0x0b])])), // its code
  ];
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  return new WebAssembly.Instance(module, { js: { memory } }).exports.f as () => void;
}

function vector(code: number): Code {
  return [0xfd, ...unsigned(code)];
}

function section(id: number, content: Code): Code {
  return [id, ...sized(content)];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(content: Code): Code {
  return [...unsigned(content.length), ...content];
}

function text(value: string): Code {
  return sized([...Buffer.from(value)]);
}

/** LEB128, 7 bits a byte. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const isLast = value >= -64 && value < 64;
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
