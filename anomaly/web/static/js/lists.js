// Lists that some browsers in use cannot group by themselves.

/** Return a Map of the items by the key of each. */
export function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(item);
  }
  return groups;
}

/** Return the entries of a page of the API, or of a bare list. */
export const items = (answer) => (Array.isArray(answer) ? answer : answer?.items ?? []);
