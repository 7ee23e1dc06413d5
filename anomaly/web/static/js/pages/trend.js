// Trend: the score of each day over a year, and what is known of a slow change.
import { get, segment } from "../api.js";
import { facts, h, replace } from "../dom.js";
import { historyPanel } from "../charts/history_panel.js";
import { language, number, onDay, score, span, t, named } from "../i18n.js";
import { load } from "../notices.js";
import { fromPath, heading, startPage } from "../shell.js";

startPage(t("trend.title"), async (main) => {
  const name = fromPath(1);
  const machine = await get(`/machines/${segment(name)}`);
  const history = historyPanel(name, { spans: ["month", "year"], start: "year", title: t("trend.days") });
  const said = h("div");
  replace(main, heading(t("trend.title"), [["/", t("nav.overview")], [`/machines/${segment(name)}`, machine.display_name || name]]),
    h("div", { class: "stack" }, h("section", { class: "panel", "aria-label": t("trend.outlook") }, h("h2", null, t("trend.outlook")), said), history.element));
  history.start();
  await load(said, () => get(`/machines/${segment(name)}/trend`), outlook);
});

function outlook(trend) {
  const left = trend.time_to_limit;
  if (!trend.state) return h("p", null, t("trend.none"));
  return [
    // The server writes this sentence in English only.
    language === "en" && trend.summary ? h("p", null, trend.summary) : null,
    facts([
      [t("trend.verdict"), named("trend-state", trend.state)],
      [t("trend.health"), trend.health_index === null ? null : index(trend)],
      [t("trend.left"), left ? t("trend.left.value", { low: span(left.low_s), high: span(left.high_s) }) : null],
    ]),
    trend.changes.length ? h("div", null, h("h3", null, t("trend.changes")), h("ul", null, trend.changes.map(change))) : null,
  ];
}

function index({ health_index: now, alarm_level: alarm }) {
  return alarm === null ? score(now) : t("trend.health.value", { now: number(now, 3), alarm: number(alarm, 3) });
}

function change(point) {
  return h("li", null, t("trend.change", { day: onDay(point.time), before: number(point.level_before, 3), after: number(point.level_after, 3) }));
}
