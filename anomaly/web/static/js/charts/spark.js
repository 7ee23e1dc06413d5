// Small curve, such as of the last hour.
import { svg } from "../dom.js";

const WIDTH = 120;
const HEIGHT = 30;
// Scores of normal sound stay below this: a curve of them must not look like an alarm.
const USUAL = 4;

/** Draw a spark line, with a limit as a dashed line. Missing values are gaps; what it shows must also stand in words. */
export function spark(values, limit = null) {
  const known = values.filter((value) => Number.isFinite(value));
  const top = Math.max(limit ?? USUAL, ...known) * 1.08;
  const x = (at) => ((at / Math.max(1, values.length - 1)) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - 1 - (Math.max(0, value) / top) * (HEIGHT - 2)).toFixed(1);
  let path = "";
  values.forEach((value, at) => {
    if (!Number.isFinite(value)) return;
    // A single value between two gaps is a short line, which round caps make a dot.
    path += Number.isFinite(values[at - 1]) ? `L${x(at)} ${y(value)}` : `M${x(at)} ${y(value)}h0.1`;
  });
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    limit ? svg("path", { class: "limit", d: `M0 ${y(limit)}H${WIDTH}` }) : null,
    path ? svg("path", { d: path }) : null);
}
