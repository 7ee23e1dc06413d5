// Range of the power that a model needs on the chip, with where its figures come from.
import { facts, h } from "../dom.js";
import { named, number, t } from "../i18n.js";

// Ends of the logarithmic scale, in microwatts.
const LEAST_UW = 0.01;
const MOST_UW = 100_000;

/** Create the range; says so where nothing is known. */
export function energyRange(energy) {
  const { low_uw: low, high_uw: high, sources, notes } = energy;
  if (low === null || high === null) return h("p", { class: "hint" }, t("model.energy.none"));
  const place = (value) => (Math.log(Math.min(MOST_UW, Math.max(LEAST_UW, value)) / LEAST_UW) / Math.log(MOST_UW / LEAST_UW)) * 100;
  return h("div", null,
    h("p", { class: "big" }, t("model.energy.range", { low: power(low), high: power(high) })),
    h("div", { class: "scale", "aria-hidden": "true" }, h("div", { class: "rail" }), h("div", { class: "range", style: { left: `${place(low)}%`, width: `${place(high) - place(low)}%` } })),
    h("p", { class: "hint" }, t("model.energy.scale", { least: power(LEAST_UW), most: power(MOST_UW) })),
    h("ul", { class: "notes" }, notes.map((note) => h("li", { lang: "en" }, note))),
    sources.length ? h("details", null, h("summary", null, t("model.energy.sources")), facts(sources.map(figure))) : null);
}

const power = (microwatts) => (microwatts >= 1000 ? `${number(microwatts / 1000, 2)} mW` : `${number(microwatts, 2)} µW`);

function figure({ name, value, unit, provenance, source }) {
  const amount = Number.isFinite(value) ? `${shown(value)} ${unit ?? ""}` : "";
  return [String(name).replaceAll("_", " "), [amount, h("span", { class: "hint" }, ` ${named("provenance", provenance)}: ${source}`)]];
}

// Joules of one operation are far too small for plain digits.
const shown = (value) => (value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential(2) : number(value, 3));
