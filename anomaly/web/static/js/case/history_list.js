// History of a case, newest first.
import { h } from "../dom.js";
import { named, t, when } from "../i18n.js";

/** Create the list. */
export function historyList(events) {
  if (events.length === 0) return h("p", { class: "hint" }, t("case.history.none"));
  return h("ol", { class: "history plain" }, [...events].reverse().map(entry));
}

function entry(event) {
  const { detail } = event;
  const more = [
    event.by ? t("event.by", { name: event.by }) : null, typeof detail.to === "string" ? t("event.to", { name: detail.to }) : null,
    detail.until ? t("event.until", { time: when(detail.until) }) : null,
    detail.finding ? t("event.finding", { finding: named("finding", detail.finding) }) : null, detail.action, event.note,
  ].filter(Boolean);
  return h("li", null, h("time", { datetime: event.time }, when(event.time)), h("p", null, h("strong", null, named("event", event.event))), more.length ? h("p", null, more.join(" · ")) : null);
}
