// Curve over time with zoom by mouse, touch and keyboard; uPlot draws it.
import { h } from "../dom.js";
import { locale, number, t } from "../i18n.js";
import { bandsPlugin, inks } from "./bands.js";

/** Load uPlot once; it is not part of the first page. */
let library = null;
function uPlot() {
  library ??= new Promise((resolve, reject) => {
    document.head.append(h("link", { rel: "stylesheet", href: "/static/vendor/uplot/uPlot.min.css" }));
    const script = h("script", { src: "/static/vendor/uplot/uPlot.iife.min.js", onload: () => resolve(window.uPlot), onerror: reject });
    document.head.append(script);
  });
  return library;
}

/**
 * Create a chart in an element that fills its width.
 *
 * `lines` are `{label, ink, dash, width}` of the columns after the first; `onzoom(from, to)` is called with the range
 * that the viewer chose. Returns `set(columns, bands, range)`.
 */
export async function curve(element, { lines, label, onzoom, top = null }) {
  const Chart = await uPlot();
  const colours = inks();
  let bands = [];
  let silent = false;
  const options = {
    width: element.clientWidth || 600,
    height: 270,
    class: "curve",
    legend: { live: true },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    scales: { x: { time: true }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(top?.() ?? 1, high ?? 1) * 1.08] } },
    axes: axes(colours),
    series: [{ label: t("chart.time"), value: (_, value) => (value === null ? "–" : new Date(value * 1000).toLocaleString(locale)) },
      ...lines.map((line) => ({ label: line.label, stroke: colours[line.ink], width: line.width ?? 1.5, dash: line.dash, spanGaps: false, value: (_, value) => (value === null || value === undefined ? "–" : number(value, 3)) }))],
    plugins: [bandsPlugin(() => bands)],
    hooks: { setSelect: [(chart) => chosen(chart)] },
  };
  const chart = new Chart(options, [[], ...lines.map(() => [])], element);
  chart.root.setAttribute("role", "img");
  chart.root.setAttribute("aria-label", label);
  new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 270 })).observe(element);

  function chosen(view) {
    if (silent || view.select.width < 4) return;
    const from = view.posToVal(view.select.left, "x");
    const to = view.posToVal(view.select.left + view.select.width, "x");
    silent = true;
    view.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    silent = false;
    onzoom?.(from, to);
  }

  return {
    set(columns, newBands, range) {
      bands = newBands;
      chart.setData(columns, false);
      chart.setScale("x", { min: range.from, max: range.to });
    },
  };
}

function axes(colours) {
  const clock = (options) => new Intl.DateTimeFormat(locale, options);
  const forms = {
    second: clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" }), minute: clock({ hour: "2-digit", minute: "2-digit" }),
    day: clock({ day: "numeric", month: "short" }), year: clock({ month: "short", year: "2-digit" }),
  };
  const time = (_, values, __, ___, step) => values.map((value) => {
    const date = new Date(value * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    const form = step >= 86400 * 25 ? forms.year : step >= 86400 || midnight ? forms.day : step >= 60 ? forms.minute : forms.second;
    return form.format(date);
  });
  const common = { stroke: colours.ink, grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line } };
  return [{ ...common, values: time, space: 80 }, { ...common, size: 48, values: (_, values) => values.map((value) => number(value, 3)) }];
}
