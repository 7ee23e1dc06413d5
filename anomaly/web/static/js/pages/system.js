// System: inputs, receivers of messages, disk, versions, and the last errors.
import { get, post, segment } from "../api.js";
import { facts, h, replace, table } from "../dom.js";
import { bytes, number, since, span, t, when } from "../i18n.js";
import { items } from "../lists.js";
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
const mark = (good, words) => badge(good ? "ok" : "alarm", words);

function page(system, site) {
  return [
    panel("system.doctor", doctor(items(system.doctor ?? system.checks))),
    panel("system.sinks", sinks(items(system.sinks), site)),
    h("div", { class: "columns two" }, panel("system.inputs", inputs(items(system.devices))), panel("system.store", store(system))),
    panel("system.errors", errors(items(system.errors ?? system.last_errors))),
  ];
}

function doctor(checks) {
  if (checks.length === 0) return h("p", { class: "hint" }, t("system.doctor.none"));
  const good = (check) => check.ok ?? ["ok", "pass"].includes(check.status);
  const sorted = [...checks].sort((left, right) => Number(good(left)) - Number(good(right)));
  return table(t("system.doctor"), [t("system.check"), t("system.result"), t("system.detail")],
    sorted.map((check) => [check.name, good(check) ? mark(true, t("system.fine")) : badge(check.status === "warning" ? "watch" : "alarm", t(check.status === "warning" ? "system.look" : "system.wrong")), [check.detail ?? check.message ?? "", check.hint ? h("p", { class: "hint" }, check.hint) : null]]));
}

function sinks(list, site) {
  if (list.length === 0) return h("p", { class: "hint" }, t("system.sinks.none"));
  return table(t("system.sinks"), [t("system.name"), t("system.kind"), t("system.waiting"), t("system.dead"), t("system.last"), t("system.action")],
    list.map((sink) => [
      sink.name, sink.kind ?? "", number(sink.pending ?? sink.waiting ?? 0),
      (sink.dead ?? sink.dead_letters) ? badge("alarm", number(sink.dead ?? sink.dead_letters)) : "0",
      sink.last_error ? h("span", null, sink.last_error) : sink.last_delivered ? since(sink.last_delivered) : "",
      may(site, "operator") || may(site, "act") ? h("button", { type: "button", class: "small", onclick: (event) => act(event.target, () => post(`/sinks/${segment(sink.name)}/test`), t("system.test.done", { name: sink.name })) }, t("system.test")) : "",
    ]), [2, 3]);
}

function inputs(list) {
  if (list.length === 0) return h("p", { class: "hint" }, t("system.inputs.none"));
  return table(t("system.inputs"), [t("system.name"), t("system.used-by"), t("system.state")],
    list.map((device) => [[device.name ?? device.id, h("p", { class: "hint" }, device.id ?? "")], device.machine ?? device.used_by ?? "", device.state ?? device.capture ?? ""]));
}

function store(system) {
  const disk = system.disk ?? {};
  const used = Number.isFinite(disk.free) && Number.isFinite(disk.total) ? disk.total - disk.free : null;
  return [
    used !== null ? h("div", { class: "field" }, h("label", { for: "disk" }, t("system.disk", { free: bytes(disk.free), total: bytes(disk.total) })),
      h("meter", { id: "disk", min: 0, max: disk.total, high: disk.total * 0.9, value: used })) : null,
    facts([
      [t("system.database"), disk.database ?? system.database ? bytes(disk.database ?? system.database) : null],
      [t("system.clips"), Number.isFinite(disk.clips) ? bytes(disk.clips) : null],
      ...Object.entries(system.versions ?? {}),
      [t("system.uptime"), Number.isFinite(system.uptime_s) ? span(system.uptime_s) : null],
    ]),
  ];
}

function errors(list) {
  if (list.length === 0) return h("p", { class: "hint" }, t("system.errors.none"));
  return table(t("system.errors"), [t("chart.time"), t("system.where"), t("system.detail")], list.map((error) => [when(error.time), error.machine ?? error.event ?? "", error.message ?? error.text ?? ""]));
}
