// Model: what scores the machine, what it was trained on, what it promises, and its versions.
import { get, post, segment } from "../api.js";
import { facts, h, replace, table } from "../dom.js";
import { bytes, named, number, onDay, span, t } from "../i18n.js";
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
  await load(body, () => get(`${path}/model`).catch(absent), (model) => (model ? page(model, path, site) : empty(t("model.none"), t("model.none.hint"), h("a", { class: "button primary", href: "/setup" }, t("overview.setup")))));
});

function page(model, path, site) {
  return [
    h("div", { class: "columns two" }, panel("model.scores", about(model)), panel("model.promise", promise(model))),
    h("div", { class: "columns two" }, panel("model.chip", chip(model)), panel("model.energy", energyRange(model.energy))),
    panel("model.versions", versions(model, path, site)),
  ];
}

const panel = (key, ...content) => h("section", { class: "panel", "aria-label": t(key) }, h("h2", null, t(key)), content);

// A machine without a model is not an error: the page then says how to get one.
function absent(error) {
  if (error.status === 404) return null;
  throw error;
}

function about(model) {
  const { training } = model;
  return facts([
    [t("model.version"), model.version], [t("model.detector"), named("detector", model.detector)], [t("model.created"), onDay(model.created)],
    [t("model.signed"), t(model.signed ? "model.signed.yes" : "model.signed.no")],
    [t("model.recordings"), training.recordings === null ? null : number(training.recordings)],
    [t("model.seconds"), training.seconds === null ? null : span(training.seconds)],
    [t("model.fingerprint"), training.fingerprint ? h("code", null, training.fingerprint.slice(0, 16)) : null],
    [t("model.size"), bytes(model.bytes)],
  ]);
}

function promise(model) {
  return [h("p", null, model.promise ?? t("setup.budget.no-promise")), figures(model.metrics)];
}

function chip(model) {
  const { chip } = model;
  // Servers before the floorplan name no cells.
  const neurons = chip.neurons ?? chip.occupied?.length ?? null;
  if (neurons === null) return h("p", { class: "hint" }, t("model.no-chip"));
  return [floorplan(chip), facts([
    [t("model.architecture"), chip.architecture],
    [t("model.neurons"), chip.cells ? t("model.of", { used: number(neurons), all: number(chip.cells) }) : number(neurons)],
    [t("model.synapses"), chip.synapses === null ? null : number(chip.synapses)],
    [t("model.spikes"), chip.spikes_per_second === null ? null : number(chip.spikes_per_second, 3)],
    [t("model.sops"), chip.sops_per_second === null ? null : number(chip.sops_per_second, 3)],
  ]), figures(chip.figures)];
}

function figures(values) {
  const rows = Object.entries(values ?? {}).filter(([, value]) => ["string", "number"].includes(typeof value));
  if (rows.length === 0) return null;
  return h("details", null, h("summary", null, t("model.figures")), facts(rows.map(([name, value]) => [name.replaceAll("_", " "), typeof value === "number" ? number(value) : value])));
}

function versions(model, path, site) {
  const list = model.versions;
  if (list.length < 2) return h("p", { class: "hint" }, t("model.one-version"));
  const change = (name, version, ask) => async (event) => {
    const button = event.target;
    if (!(await confirmed(t(`model.${name}`), ask, t(`model.${name}`)))) return;
    const result = await act(button, () => post(`${path}/model/${name}`, version ? { version } : {}), t(`model.${name}.done`));
    if (result !== undefined) location.reload();
  };
  const allowed = may(site, "admin");
  const rows = list.map((version) => [
    h("code", null, version.version), onDay(version.created),
    version.active ? t("model.active") : h("div", { class: "buttons" },
      allowed ? h("button", { type: "button", class: "small", onclick: change("activate", version.version, t("model.activate.ask", { version: version.version })) }, t("model.activate")) : null,
      h("button", { type: "button", class: "small", onclick: (event) => replay(event.target, path, version.version) }, t("model.replay"))),
  ]);
  return [
    table(t("model.versions"), [t("model.version"), t("model.created"), t("model.use")], rows),
    h("div", { id: "replay", role: "status" }),
    allowed && list.length > 1 ? h("p", { class: "buttons" }, h("button", { type: "button", onclick: change("rollback", null, t("model.rollback.ask")) }, t("model.rollback"))) : null,
  ];
}

async function replay(button, path, version) {
  const place = document.getElementById("replay");
  replace(place, h("p", { class: "loading" }, t("model.replaying")));
  const result = await act(button, () => post(`${path}/model/replay`, { version }));
  const shown = result && (result.done ? figures(result.figures) ?? h("p", null, t("model.replay.nothing")) : h("p", null, t("model.replay.on")));
  replace(place, shown ? [h("h3", null, t("model.replay.of", { version })), shown] : null);
  if (shown?.tagName === "DETAILS") shown.open = true;
}
