// State of one machine now, with the sum of the decision against its limit since the page was opened.
import { segment } from "../api.js";
import { facts, h, replace } from "../dom.js";
import { count, language, named, score, since, t, when } from "../i18n.js";
import { spark } from "../charts/spark.js";
import { badge, kindOf, sensorName, stateName } from "../states.js";

const SECONDS = 300;

/** Create the panel. `draw(machine)` shows what is known. */
export function statusPanel() {
  const element = h("section", { class: "panel", "aria-label": t("machine.now") });
  const sums = Array(SECONDS).fill(null);
  let newest = null;

  function draw(machine) {
    if (machine.updated !== newest && Number.isFinite(machine.cusum)) {
      newest = machine.updated;
      sums.push(machine.cusum);
      sums.shift();
    }
    const id = machine.open_case?.id;
    const opened = element.contains(document.activeElement);
    replace(element,
      h("div", { class: "head" }, h("h2", null, t("machine.now")), badge(kindOf(machine), stateName(machine))),
      h("p", null, t(`state.${kindOf(machine)}.means`)),
      machine.reason && language === "en" ? h("p", { class: "hint" }, machine.reason) : null,
      id ? h("p", null, h("a", { class: "button primary", href: `/cases/${segment(id)}` }, t("machine.open-case"))) : null,
      sumFigure(machine, sums), list(machine));
    if (opened) element.querySelector("a")?.focus();
  }

  return { element, draw };
}

function sumFigure(machine, sums) {
  if (!Number.isFinite(machine.cusum) || !machine.limit) return null;
  return h("figure", { class: "sum" }, h("figcaption", null, t("machine.sum", { sum: score(machine.cusum), limit: score(machine.limit) })), spark(sums, machine.limit));
}

function list(machine) {
  const work = machine.maintenance;
  return facts([
    [t("machine.score"), Number.isFinite(machine.score) ? h("span", { class: "big" }, score(machine.score)) : t("tile.no-score")],
    [t("machine.budget"), count("machine.budget.value", machine.budget)],
    [t("machine.operating"), machine.operating_state ? named("operating", machine.operating_state) : null],
    [t("machine.microphone"), sensorName(machine.sensor_state)],
    [t("machine.maintenance"), work ? [work.by, work.until ? t("event.until", { time: when(work.until) }) : t("machine.planned"), work.note].filter(Boolean).join(", ") : null],
    [t("machine.input"), machine.device ?? machine.source],
    [t("model.title"), machine.model ? `${named("detector", machine.detector)}, ${machine.model}` : t("machine.no-model")],
    [t("machine.place"), machine.location],
    [t("machine.updated"), machine.updated ? h("time", { title: when(machine.updated) }, since(machine.updated)) : t("machine.never")],
  ]);
}
