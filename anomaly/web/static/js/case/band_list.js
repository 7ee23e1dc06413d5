// Bands of the spectrum in which the sound has changed most.
import { h } from "../dom.js";
import { band, number, t } from "../i18n.js";

/** Create the list; nothing if there are no bands. */
export function bandList(suspects) {
  if (suspects.length === 0) return null;
  const most = Math.max(...suspects.map((suspect) => suspect.deviation), 1);
  return h("div", null, h("h3", null, t("case.bands")), h("ul", { class: "bands plain" }, suspects.map((suspect) => row(suspect, most))));
}

function row(suspect, most) {
  const change = Number.isFinite(suspect.change_db) ? t("case.db", { db: number(suspect.change_db, 2) }) : t("case.sigma", { n: number(suspect.deviation, 2) });
  return h("li", null, h("span", null, band(suspect.low_hz, suspect.high_hz)),
    h("span", { class: "bar-track", "aria-hidden": "true" }, h("i", { style: { width: `${Math.max(3, (suspect.deviation / most) * 100)}%` } })),
    h("b", null, change));
}
