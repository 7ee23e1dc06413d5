// Bands behind a curve: gaps, operating states, maintenance, alarms. A plugin of uPlot.

/** Colours of the style sheet that a canvas needs. */
export function inks() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    ink: read("--ink-2"), line: read("--line"), mean: read("--curve"), max: read("--curve-2"), limit: read("--alarm-mark"),
    gap: read("--unknown-mark"), stopped: read("--still-tint"), work: read("--watch-mark"), alarms: read("--alarm-mark"),
  };
}

/** Return the plugin. `bands()` gives `{kind, from, to}` in UNIX seconds, drawn in their order. */
export function bandsPlugin(bands) {
  return { hooks: { drawClear: (chart) => bands().forEach((band) => drawBand(chart, band, inks())) } };
}

function drawBand(chart, { kind, from, to }, colours) {
  const { ctx, bbox } = chart;
  const left = Math.max(bbox.left, chart.valToPos(from, "x", true));
  const right = Math.min(bbox.left + bbox.width, chart.valToPos(to, "x", true));
  if (right <= left) return;
  const width = Math.max(1, right - left);
  ctx.save();
  ctx.globalAlpha = { gap: 0.8, stopped: 1, work: 0.25, alarms: 0.18 }[kind] ?? 0.2;
  ctx.fillStyle = kind === "gap" ? hatch(ctx, colours.gap) : colours[kind] ?? colours.line;
  ctx.fillRect(left, bbox.top, width, bbox.height);
  ctx.restore();
}

function hatch(ctx, colour) {
  const tile = new OffscreenCanvas(8, 8);
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = 1.2;
  pen.beginPath();
  for (const shift of [-8, 0, 8]) { pen.moveTo(shift, 8); pen.lineTo(shift + 8, 0); }
  pen.stroke();
  return ctx.createPattern(tile, "repeat");
}

/** Return the runs of equal values in a column as bands. `kindOf` gives the kind of a value, or null for none. */
export function runs(times, values, step, kindOf) {
  const found = [];
  times.forEach((time, at) => {
    const kind = kindOf(values?.[at]);
    const last = found.at(-1);
    if (!kind) return;
    if (last && last.kind === kind && time - last.to <= step * 1.5) last.to = time + step;
    else found.push({ kind, from: time, to: time + step });
  });
  return found;
}
