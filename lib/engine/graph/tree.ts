// Trees: nested lists and records of tensors.
import { UserError } from "../../common/errors";

/** A leaf, or arbitrarily nested lists and records of leaves. */
export type Tree<Leaf> = Leaf | readonly Tree<Leaf>[] | { readonly [name: string]: Tree<Leaf> };

/**
 * Returns the same tree with every leaf mapped.
 * @param map also gets the path to the leaf, "grads/0"; empty if the tree is a single leaf
 * @throws what `map` throws; UserError for a value that is neither leaf, list nor record
 */
export function mapTree<A, B>(
  tree: Tree<A>,
  isLeaf: (value: unknown) => value is A,
  map: (leaf: A, path: string) => B,
  path = "",
): Tree<B> {
  if (isLeaf(tree)) return map(tree, path);
  if (typeof tree !== "object" || tree === null) {
    throw new UserError(
      `A traced function returns tensors, or lists and records of them; ${path === "" ? "this one" : path} is ${tree}.`,
    );
  }
  const below = (name: string | number) => (path === "" ? String(name) : `${path}/${name}`);
  if (Array.isArray(tree)) return tree.map((child, i) => mapTree(child as Tree<A>, isLeaf, map, below(i)));
  const children = Object.entries(tree as Record<string, Tree<A>>);
  return Object.fromEntries(
    children.map(([name, child]) => [name, mapTree(child, isLeaf, map, below(name))]),
  );
}
