// System: inputs, receivers of messages, disk, versions, and the last errors.
import { get, post, segment } from "../api.js";
import { facts, h, replace, table } from "../dom.js";
import { bytes, count, named, number, since, span, t, when } from "../i18n.js";
import { act, load } from "../notices.js";
import { heading, may, startPage } from "../shell.js";
import { badge } from "../states.js";

startPage(t("system.title"), async (main, site) => {
  const body = h("div", { class: "stack" });
  const again = () => load(body, () => get("/system"), (system) => page(system, site));
  replace(main, heading(t("system.title"), [], h("button", { type: "button", class: "right", onclick: again }, t("system.refresh"))), body);
  await again();
});

const panel = (key, ...content) => h("section", { class: "panel", "aria-label": t(key) }, h("h2", null, t(key)), content);
const CHECKS = ["failed", "warning", "ok"];
const MARKS = { failed: "alarm", warning: "watch", ok: "ok" };

function page(system, site) {
  return [
    panel("system.doctor", doctor(system.doctor)),
    panel("system.sinks", sinks(system.sinks, site)),
    h("div", { class: "columns two" }, panel("system.inputs", inputs(system.devices)), panel("system.store", store(system))),
    panel("system.errors", errors(system.errors)),
  ];
}

function doctor(checks) {
  const fine = checks.filter((check) => check.status === "ok");
  const rest = checks.filter((check) => check.status !== "ok").sort((left, right) => CHECKS.indexOf(left.status) - CHECKS.indexOf(right.status));
  return [rest.length ? checkTable(t("system.doctor"), rest) : h("p", null, t("system.doctor.well")),
    fine.length ? h("details", null, h("summary", null, count("system.doctor.fine", fine.length)), checkTable(t("check.ok"), fine)) : null];
}

function checkTable(caption, checks) {
  return table(caption, [t("system.check"), t("system.result"), t("system.detail")], checks.map((check) => [
    check.name, badge(MARKS[check.status], t(`check.${check.status}`)), [check.message, check.hint ? h("p", { class: "hint" }, check.hint) : null],
  ]));
}

function sinks(list, site) {
  if (list.length === 0) return h("p", { class: "hint" }, t("system.sinks.none"));
  return table(t("system.sinks"), [t("system.name"), t("system.kind"), t("system.waiting"), t("system.dead"), t("system.last"), t("system.action")],
    list.map((sink) => [
      sink.name, sink.kind ?? "", [number(sink.pending), sink.oldest_pending ? h("p", { class: "hint" }, t("system.oldest", { time: since(sink.oldest_pending) })) : null],
      sink.dead + sink.abandoned ? badge("alarm", number(sink.dead + sink.abandoned)) : "0", sink.last_error ?? "",
      may(site, "act") ? h("button", { type: "button", class: "small", onclick: (event) => act(event.target, () => post(`/sinks/${segment(sink.name)}/test`), t("system.test.done", { name: sink.name })) }, t("system.test")) : "",
    ]), [2, 3]);
}

function inputs(list) {
  if (list.length === 0) return h("p", { class: "hint" }, t("system.inputs.none"));
  return table(t("system.inputs"), [t("system.name"), t("system.used-by"), t("system.state")],
    list.map((device) => [[device.name, h("p", { class: "hint" }, device.id)], device.machines.join(", "), device.problem ?? t("system.usable")]));
}

function store(system) {
  const { disk } = system;
  return [
    disk.fault || system.database_fault ? h("div", { class: "notice bad" }, h("p", null, disk.fault ?? system.database_fault)) : null,
    h("div", { class: "field" }, h("label", { for: "disk" }, t("system.disk", { free: bytes(disk.free), total: bytes(disk.total) })),
      h("meter", { id: "disk", min: 0, max: disk.total, high: disk.total * 0.9, value: disk.total - disk.free })),
    facts([
      [t("system.database"), disk.database === null ? t("system.no-database") : bytes(disk.database)],
      [t("system.clips"), bytes(disk.clips)],
      ...Object.entries(system.versions),
      [t("system.uptime"), span(system.uptime_s)],
      [t("system.viewers"), number(system.live.viewers)],
      [t("system.lost"), number(system.live.lost_frames)],
    ]),
  ];
}

function errors(list) {
  if (list.length === 0) return h("p", { class: "hint" }, t("system.errors.none"));
  return table(t("system.errors"), [t("chart.time"), t("system.where"), t("system.detail")], list.map((error) => [when(error.time), error.machine ?? "", named("event", error.event) + (error.message ? `: ${error.message}` : "")]));
}
