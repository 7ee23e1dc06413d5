// Small curve of the last hour, with the limit as a dashed line.
import { svg } from "../dom.js";

const WIDTH = 120;
const HEIGHT = 30;

/** Draw a spark line. Missing values are gaps in the line; what it shows must also stand in words beside it. */
export function spark(values, limit = null) {
  const known = values.filter((value) => Number.isFinite(value));
  const top = Math.max(limit ?? 0, ...known, 1) * 1.08;
  const x = (at) => ((at / Math.max(1, values.length - 1)) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - 1 - (Math.max(0, value) / top) * (HEIGHT - 2)).toFixed(1);
  let path = "";
  let pen = "M";
  values.forEach((value, at) => {
    if (!Number.isFinite(value)) { pen = "M"; return; }
    path += `${pen}${x(at)} ${y(value)}`;
    pen = "L";
  });
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    limit ? svg("path", { class: "limit", d: `M0 ${y(limit)}H${WIDTH}` }) : null,
    path ? svg("path", { d: path }) : null);
}
