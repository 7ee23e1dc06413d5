// Range of the energy that a model needs on the chip, with where its figures come from.
import { facts, h } from "../dom.js";
import { number, t } from "../i18n.js";
import { items } from "../lists.js";

/** Create the range on a logarithmic scale; says so where nothing is known. */
export function energyRange(energy) {
  const low = energy?.low_uw ?? energy?.low;
  const high = energy?.high_uw ?? energy?.high;
  if (!Number.isFinite(low) || !Number.isFinite(high)) return h("p", { class: "hint" }, t("model.energy.none"));
  const place = (value) => ((Math.log10(Math.max(0.1, value)) + 1) / 6) * 100;
  const sources = items(energy.provenance ?? energy.sources);
  return h("div", null,
    h("p", { class: "big" }, t("model.energy.range", { low: number(low, 2), high: number(high, 2) })),
    h("div", { class: "scale", "aria-hidden": "true" }, h("div", { class: "rail" }), h("div", { class: "range", style: { left: `${place(low)}%`, width: `${place(high) - place(low)}%` } })),
    h("p", { class: "hint" }, t("model.energy.scale")),
    sources.length ? facts(sources.map((source) => [source.name ?? source.figure, source.text ?? source.source])) : null);
}
