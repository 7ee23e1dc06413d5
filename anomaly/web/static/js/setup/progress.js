// What has been entered so far: it survives a closed tab, as the jobs on the server do.
const KEY = "setup";

/** Return what is kept. */
export function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

/** Keep some more; null removes a value. */
export function keep(values) {
  const all = { ...kept(), ...values };
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))));
  return all;
}

/** Begin anew. */
export function forget() {
  localStorage.removeItem(KEY);
}
