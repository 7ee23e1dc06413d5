// Scores of a machine over an hour to a year, with what happened meanwhile.
import { get, segment } from "../api.js";
import { h, replace, table } from "../dom.js";
import { score, t, when } from "../i18n.js";
import { failed } from "../notices.js";
import { runs } from "./bands.js";
import { curve } from "./curve.js";

const SPANS = { hour: 3600, day: 86_400, week: 604_800, month: 2_678_400, year: 31_622_400 };
const STEPS = { second: 1, minute: 60, hour: 3600, day: 86_400 };
const SHORTEST_S = 30;

/** Return the resolution that gives at most some thousand points. */
export function resolutionOf(range) {
  const span = range.to - range.from;
  if (span <= 2 * SPANS.hour) return "second";
  if (span <= 3 * SPANS.day) return "minute";
  return span <= 62 * SPANS.day ? "hour" : "day";
}

/** Create the panel. */
export function historyPanel(machine, { spans = ["hour", "day", "week", "year"], start = "hour", title = t("history.title") } = {}) {
  const place = h("div", { class: "chart" });
  const problem = h("div");
  const summary = h("p", { class: "hint", role: "status" });
  const rows = h("div");
  const state = { range: lastly(SPANS[start]), follows: true, span: start, chart: null, asked: 0 };
  const buttons = spans.map((name) => h("button", { type: "button", class: "small", "data-span": name, onclick: () => choose(name) }, t(`history.${name}`)));
  const move = (key, change) => h("button", { type: "button", class: "small", title: t(key), "aria-label": t(key), onclick: () => show(change(state.range)) }, t(`${key}.sign`));
  const element = h("section", { class: "panel", "aria-label": title },
    h("div", { class: "head" }, h("h2", null, title),
      h("div", { class: "buttons right" }, buttons, move("history.earlier", (range) => shift(range, -0.5)), move("history.later", (range) => shift(range, 0.5)),
        move("history.closer", (range) => scale(range, 0.5)), move("history.wider", (range) => scale(range, 2)))),
    problem, place, keys(), summary,
    h("details", null, h("summary", null, t("history.table")), rows));

  function choose(name) {
    Object.assign(state, { span: name, follows: true });
    return show(lastly(SPANS[name]), true);
  }

  async function show(range, follows = false) {
    Object.assign(state, { range, follows });
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(follows && button.dataset.span === state.span)));
    state.asked += 1;
    const mine = state.asked;
    try {
      const resolution = resolutionOf(range);
      const answer = await get(`/machines/${segment(machine)}/scores`, { from: range.from, to: range.to, resolution, day_offset_s: new Date().getTimezoneOffset() * -60 });
      if (mine === state.asked) await draw(answer, resolution, range);
    } catch (error) {
      if (error.status === undefined) console.error(error);
      replace(problem, failed(error, () => show(range, follows)));
    }
  }

  async function draw(answer, resolution, range) {
    const lines = [
      { label: t("history.mean"), ink: "mean" }, { label: t("history.max"), ink: "max", width: 1 },
    ];
    state.chart ??= await curve(place, { lines, label: title, onzoom: (from, to) => show(atLeast({ from, to })) });
    const columns = columnsOf(answer, STEPS[resolution]);
    // A single second has one score: its second line would only hide the first.
    state.chart.set(resolution === "second" ? [...columns.drawn.slice(0, 2), columns.drawn[0].map(() => null)] : columns.drawn, columns.bands, range);
    replace(problem);
    summary.textContent = sentence(columns.drawn, range);
    replace(rows, table(title, [t("chart.time"), t("history.mean"), t("history.max")], lastRows(columns.drawn), [1, 2]));
  }

  return {
    element,
    start: () => choose(start),
    refresh: () => (state.follows ? show(lastly(SPANS[state.span]), true) : null),
  };
}

const lastly = (seconds) => ({ from: Math.floor(Date.now() / 1000) - seconds, to: Math.ceil(Date.now() / 1000) });
const shift = ({ from, to }, share) => ({ from: from + (to - from) * share, to: to + (to - from) * share });

function scale({ from, to }, factor) {
  const middle = (from + to) / 2;
  const half = ((to - from) / 2) * factor;
  return atLeast({ from: middle - half, to: Math.min(middle + half, Date.now() / 1000 + half * 0.1) });
}

function atLeast({ from, to }) {
  const middle = (from + to) / 2;
  const half = Math.max(SHORTEST_S, to - from) / 2;
  return { from: Math.floor(middle - half), to: Math.ceil(middle + half) };
}

// uPlot needs a null between two points for a gap in its line.
function columnsOf(answer, step) {
  const times = answer.time;
  const drawn = [[], [], []];
  times.forEach((time, at) => {
    if (at > 0 && time - times[at - 1] > step * 2.5) [times[at - 1] + step, null, null].forEach((value, column) => drawn[column].push(value));
    [time, answer.score_mean[at], answer.score_max[at]].forEach((value, column) => drawn[column].push(value));
  });
  const spans = (kind, found) => found.map(({ begin, end }) => ({ kind, from: begin, to: end ?? Date.now() / 1000 }));
  const stopped = runs(times, answer.operating_state, step, (value) => (value === "stopped" ? "stopped" : null));
  const alarms = runs(times, answer.alarm_share, step, (value) => (value > 0 ? "alarms" : null));
  return { drawn, bands: [...stopped, ...spans("work", answer.maintenance), ...alarms, ...spans("gap", answer.gaps)] };
}

function sentence([times, mean, max], range) {
  const known = max.filter((value) => value !== null);
  if (known.length === 0) return t("history.none", { from: when(range.from), to: when(range.to) });
  const peak = Math.max(...known);
  return t("history.summary", { from: when(range.from), to: when(range.to), peak: score(peak), time: when(times[max.indexOf(peak)]), mean: score(average(mean)) });
}

function average(values) {
  const known = values.filter((value) => value !== null);
  return known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length);
}

function lastRows([times, mean, max]) {
  return times.map((time, at) => [when(time), score(mean[at]), score(max[at])]).slice(-60).reverse();
}

function keys() {
  const names = [["gap", "history.gap"], ["stopped", "history.stopped"], ["work", "history.work"], ["alarms", "history.alarms"]];
  return h("ul", { class: "keys" }, names.map(([name, key]) => h("li", null, h("i", { class: name, "aria-hidden": "true" }), t(key))));
}
