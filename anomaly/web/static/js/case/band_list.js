// Bands of the spectrum in which the sound has changed most.
import { h } from "../dom.js";
import { hertz, number, t } from "../i18n.js";

/** Create the list; nothing if there are no bands. */
export function bandList(suspects) {
  if (suspects.length === 0) return null;
  const most = Math.max(...suspects.map((suspect) => suspect.deviation ?? suspect.sigma ?? 0), 1);
  return h("div", null, h("h3", null, t("case.bands")), h("ul", { class: "bands plain" }, suspects.map((suspect) => band(suspect, most))));
}

function band(suspect, most) {
  const size = suspect.deviation ?? suspect.sigma ?? 0;
  const change = Number.isFinite(suspect.change_db) ? t("case.db", { db: number(suspect.change_db, 2) }) : t("case.sigma", { n: number(size, 2) });
  const [low, high] = suspect.band_hz ?? [suspect.low_hz, suspect.high_hz];
  return h("li", null, h("span", null, t("case.band", { low: hertz(low), high: hertz(high) })),
    h("span", { class: "bar-track", "aria-hidden": "true" }, h("i", { style: { width: `${Math.max(3, (size / most) * 100)}%` } })),
    h("b", null, change));
}
