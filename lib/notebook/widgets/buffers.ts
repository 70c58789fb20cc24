// Binary values of a widget's state: they travel beside the JSON, as the widget protocol wants.

/** Values of a model by name; arrays of numbers travel as bytes. */
export type State = Record<string, unknown>;

/** The way to a binary value: names and indices. */
type BufferPath = (string | number)[];

/** A state for a message: JSON, and the binary values with their places. */
export interface PackedState {
  state: State;
  buffer_paths: BufferPath[];
  buffers: Uint8Array[];
}

/** Takes the binary values (ArrayBuffer and its views) out of a state. The state itself is not changed. */
export function packState(state: State): PackedState {
  const buffer_paths: BufferPath[] = [];
  const buffers: Uint8Array[] = [];
  const bytesOf = (value: unknown) => {
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
  };
  const packed = (value: unknown, path: BufferPath): unknown => {
    const bytes = bytesOf(value);
    if (bytes) {
      buffer_paths.push(path);
      buffers.push(bytes);
      return null;
    }
    if (Array.isArray(value)) return value.map((item, i) => packed(item, [...path, i]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, packed(item, [...path, name])]),
    );
  };
  return { state: packed(state, []) as State, buffer_paths, buffers };
}

/** Puts the binary values of a message back into its state. */
export function unpackState(
  state: State,
  paths: readonly BufferPath[] = [],
  buffers: readonly Uint8Array[] = [],
): State {
  for (const [i, path] of paths.entries()) {
    const last = path.at(-1)!;
    const holder = path.slice(0, -1).reduce<State>((value, name) => value[name] as State, state);
    holder[last] = buffers[i];
  }
  return state;
}
