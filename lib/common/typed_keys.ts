// Helpers for records that keep the types of their names.

/** Returns the names of a record in their order; TypeScript's own `Object.keys` forgets their type. */
export function keysOf<Name extends string>(record: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(record) as Name[];
}

/** Makes a record with a value for each name. */
export function recordOf<Name extends string, Value>(
  names: readonly Name[],
  makeValue: (name: Name, index: number) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name, i) => [name, makeValue(name, i)])) as Record<Name, Value>;
}
