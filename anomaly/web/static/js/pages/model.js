// Model: what scores the machine, what it was trained on, what it promises, and its versions.
import { get, post, segment } from "../api.js";
import { facts, h, replace, table } from "../dom.js";
import { bytes, count, number, onDay, span, t } from "../i18n.js";
import { items } from "../lists.js";
import { act, confirmed, empty, load } from "../notices.js";
import { fromPath, heading, may, startPage } from "../shell.js";
import { floorplan } from "../model/floorplan.js";
import { energyRange } from "../model/energy.js";

startPage(t("model.title"), async (main, site) => {
  const name = fromPath(1);
  const path = `/machines/${segment(name)}`;
  const machine = await get(path);
  const body = h("div", { class: "stack" });
  replace(main, heading(t("model.title"), [["/", t("nav.overview")], [path, machine.display_name || name]]), body);
  await load(body, () => get(`${path}/model`), (model) => (model?.version || model?.versions ? page(model, path, site) : empty(t("model.none"), t("model.none.hint"), h("a", { class: "button primary", href: "/setup" }, t("overview.setup")))));
});

function page(model, path, site) {
  return [
    h("div", { class: "columns two" }, panel("model.scores", about(model)), panel("model.promise", promise(model))),
    h("div", { class: "columns two" }, panel("model.chip", chip(model)), panel("model.energy", energyRange(model.energy))),
    panel("model.versions", versions(model, path, site)),
  ];
}

const panel = (key, ...content) => h("section", { class: "panel", "aria-label": t(key) }, h("h2", null, t(key)), content);

function about(model) {
  const training = model.training ?? {};
  return facts([
    [t("model.version"), model.version], [t("model.detector"), model.detector], [t("model.created"), model.created ? onDay(model.created) : null],
    [t("model.recordings"), training.recordings !== undefined ? number(training.recordings) : null],
    [t("model.seconds"), Number.isFinite(training.seconds) ? span(training.seconds) : null],
    [t("model.fingerprint"), training.fingerprint ? h("code", null, String(training.fingerprint).slice(0, 16)) : null],
    [t("model.size"), model.bytes ? bytes(model.bytes) : null],
  ]);
}

function promise(model) {
  const quality = model.quality ?? {};
  return [model.promise ? h("p", null, model.promise) : null, facts([
    [t("model.faults"), quality.faults !== undefined ? t("model.faults.value", { found: number(quality.faults_alarmed), all: number(quality.faults) }) : null],
    [t("model.false"), Number.isFinite(quality.false_alarms_per_day) ? count("machine.budget.value", quality.false_alarms_per_day) : null],
    [t("model.verdict"), quality.verdict],
  ])];
}

function chip(model) {
  const chip = model.chip;
  if (!chip) return h("p", { class: "hint" }, t("model.no-chip"));
  return [floorplan(chip), facts([
    [t("model.neurons"), chip.neurons !== undefined ? t("model.of", { used: number(chip.neurons), all: number(chip.cells) }) : null],
    [t("model.synapses"), chip.synapses !== undefined ? number(chip.synapses) : null],
    [t("model.spikes"), Number.isFinite(chip.spikes_per_second) ? number(chip.spikes_per_second, 3) : null],
    [t("model.sops"), Number.isFinite(chip.sops_per_second) ? number(chip.sops_per_second, 3) : null],
  ])];
}

function versions(model, path, site) {
  const list = items(model.versions);
  if (list.length === 0) return h("p", { class: "hint" }, t("model.one-version"));
  const change = (name, version, ask) => async (event) => {
    const button = event.target;
    if (!(await confirmed(t(`model.${name}`), ask, t(`model.${name}`)))) return;
    const result = await act(button, () => post(`${path}/model/${name}`, { version }), t(`model.${name}.done`));
    if (result !== undefined) location.reload();
  };
  const allowed = may(site, "administer");
  const rows = list.map((version) => [
    version.version, version.created ? onDay(version.created) : "", version.promise ?? version.verdict ?? "",
    version.active ? t("model.active") : h("div", { class: "buttons" },
      allowed ? h("button", { type: "button", class: "small", onclick: change("activate", version.version, t("model.activate.ask", { version: version.version })) }, t("model.activate")) : null,
      h("button", { type: "button", class: "small", onclick: (event) => replay(event.target, path, version.version) }, t("model.replay"))),
  ]);
  return [
    table(t("model.versions"), [t("model.version"), t("model.created"), t("model.verdict"), t("model.use")], rows),
    h("div", { id: "replay", role: "status" }),
    allowed && list.length > 1 ? h("p", { class: "buttons" }, h("button", { type: "button", onclick: change("rollback", null, t("model.rollback.ask")) }, t("model.rollback"))) : null,
  ];
}

async function replay(button, path, version) {
  const result = await act(button, () => post(`${path}/model/replay`, { version }));
  if (!result) return;
  const rows = Object.entries(result.figures ?? result).filter(([, value]) => ["string", "number"].includes(typeof value));
  replace(document.getElementById("replay"), h("h3", null, t("model.replay.of", { version })), result.text ? h("p", null, result.text) : facts(rows.map(([key, value]) => [key, typeof value === "number" ? number(value) : value])));
}
