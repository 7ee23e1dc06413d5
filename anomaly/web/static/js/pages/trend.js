// Trend: the score of each day over a year, and what the diagnosis of slow change says.
import { get, segment } from "../api.js";
import { facts, h, replace } from "../dom.js";
import { historyPanel } from "../charts/history_panel.js";
import { number, onDay, span, t } from "../i18n.js";
import { load } from "../notices.js";
import { fromPath, heading, startPage } from "../shell.js";

startPage(t("trend.title"), async (main) => {
  const name = fromPath(1);
  const machine = await get(`/machines/${segment(name)}`);
  const shown = machine.display_name || name;
  const history = historyPanel(name, { spans: ["month", "year"], start: "year", title: t("trend.days") });
  const said = h("div");
  replace(main, heading(t("trend.title"), [["/", t("nav.overview")], [`/machines/${segment(name)}`, shown]]),
    h("div", { class: "stack" }, h("section", { class: "panel", "aria-label": t("trend.outlook") }, h("h2", null, t("trend.outlook")), said), history.element));
  history.start();
  await load(said, () => get(`/machines/${segment(name)}/trend`), outlook);
});

function outlook(trend) {
  const changes = trend.changes;
  const left = trend.time_to_limit;
  if (trend.health_index === null && !changes.length && !left) return h("p", null, t("trend.none"));
  return [
    facts([
      [t("trend.health"), Number.isFinite(trend.health_index) ? h("span", { class: "big" }, number(trend.health_index, 3)) : null],
      [t("trend.left"), left ? t("trend.left.value", { low: span(left.low_s ?? left.low), high: span(left.high_s ?? left.high) }) : null],
      [t("trend.verdict"), trend.verdict ?? trend.summary],
    ]),
    changes.length ? h("div", null, h("h3", null, t("trend.changes")), h("ul", null, changes.map((change) => h("li", null, `${onDay(change.time)}: ${change.text ?? change.kind ?? ""}`)))) : null,
  ];
}
