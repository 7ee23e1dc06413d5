// Live sound of one machine: mel levels, what the model did not predict of them, and the spikes of the student.
import { h, replace } from "../dom.js";
import { hertz, t } from "../i18n.js";
import { levelTables, signedTables } from "./palette.js";
import { decode, Waterfall } from "./waterfall.js";

const COLUMNS = 625;
const SECONDS = 20;
// Residuals are in quarters of a decibel; a read-out seldom spikes more than a few times in a frame.
const MOST_RESIDUAL = 48;
const MOST_SPIKES = 10;

/** Create the panel. `show(event)` takes a `mel` event; `empty(text)` says why there is no picture. */
export function livePanel() {
  const levels = picture(t("live.levels"), t("live.levels.alt"), key("levels", "live.quiet", "live.loud"));
  const residual = picture(t("live.residual"), t("live.residual.alt"), key("residual", "live.less", "live.more"));
  const raster = picture(t("live.spikes"), t("live.spikes.alt"), null, "raster");
  const state = h("p", { class: "hint", role: "status" }, t("live.waiting"));
  const pause = h("button", { type: "button", class: "small", "aria-pressed": "false" }, t("live.pause"));
  const views = {
    levels: new Waterfall(levels.canvas, COLUMNS, levelTables()),
    residual: new Waterfall(residual.canvas, COLUMNS, signedTables(MOST_RESIDUAL)),
    spikes: new Waterfall(raster.canvas, COLUMNS, signedTables(MOST_SPIKES)),
  };
  let paused = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = t(paused ? "live.resume" : "live.pause");
  });
  raster.figure.hidden = true;
  const element = h("section", { class: "panel", "aria-labelledby": "live-title" },
    h("div", { class: "head" }, h("h2", { id: "live-title" }, t("live.title")), state, h("div", { class: "right" }, pause)),
    h("div", { class: "live" }, levels.figure, residual.figure), raster.figure);

  return {
    element,
    show(event) {
      if (paused) return;
      if (state.textContent) state.textContent = "";
      axis(levels, event.bands_hz);
      axis(residual, event.bands_hz);
      for (const name of Object.keys(views)) paint(views[name], event, name);
      if (event.spikes) raster.figure.hidden = false;
    },
    empty(text) { state.textContent = text; },
  };
}

function paint(view, event, name) {
  const text = event[name];
  if (!text) return;
  const bytes = decode(text);
  view.add(bytes, Math.round(bytes.length / Math.max(1, event.columns ?? 1)));
}

function picture(title, alt, legend, name = "") {
  const canvas = h("canvas", { role: "img", "aria-label": alt, class: name, width: COLUMNS, height: 32 });
  const edge = h("div", { class: "axis", "aria-hidden": "true" });
  const figure = h("figure", { class: "picture" }, h("figcaption", null, title, legend), edge, canvas,
    h("div", { class: "times", "aria-hidden": "true" }, h("span", null, t("live.ago", { seconds: SECONDS })), h("span", null, t("live.now"))));
  return { figure, canvas, edge };
}

function axis(view, bands) {
  if (!bands?.length || view.edge.hasChildNodes()) return;
  const places = [1, 0.75, 0.5, 0.25, 0];
  replace(view.edge, places.map((place) => {
    const hz = bands[Math.round(place * (bands.length - 1))];
    return h("span", { style: { top: `${(1 - place) * 100}%` } }, hertz(Number(hz.toPrecision(2))));
  }));
}

function key(name, low, high) {
  return h("span", { class: "key" }, t(low), h("i", { class: name, "aria-hidden": "true" }), t(high));
}
