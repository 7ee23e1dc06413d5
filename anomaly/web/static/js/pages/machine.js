// Machine: its state, the live sound, the scores over time, and what is open.
import { get, segment } from "../api.js";
import { facts, h, replace } from "../dom.js";
import { count, number, since, t, when, named } from "../i18n.js";
import { historyPanel } from "../charts/history_panel.js";
import { livePanel } from "../live/live_panel.js";
import { announce } from "../notices.js";
import { fromPath, heading, startPage } from "../shell.js";
import { badge, kindOf, sensorName, stateName } from "../states.js";
import { follow } from "../stream.js";

const REFRESH_MS = 20_000;

startPage(t("machine.title"), async (main) => {
  const name = fromPath(1);
  let machine = await get(`/machines/${segment(name)}`);
  const status = h("section", { class: "panel", "aria-label": t("machine.now") });
  const live = livePanel();
  const history = historyPanel(name, { limit: () => machine.limit ?? null });
  const title = machine.display_name || machine.machine || name;
  replace(main, heading(title, [["/", t("nav.overview")]], pageLinks(name)),
    h("div", { class: "stack" }, h("div", { class: "columns side" }, live.element, status), history.element));
  drawStatus(status, machine);
  history.start();
  setInterval(() => history.refresh(), REFRESH_MS);

  function changed(event) {
    const before = kindOf(machine);
    machine = { ...machine, ...event, updated: event.time ?? machine.updated };
    if (event.state) machine.health_state = event.state;
    if ("sensor" in event) machine.sensor_state = event.sensor;
    if (kindOf(machine) !== before) announce(t("overview.changed", { machine: title, state: stateName(machine) }));
    drawStatus(status, machine);
  }

  async function again() {
    machine = { ...machine, ...(await get(`/machines/${segment(name)}`)) };
    drawStatus(status, machine);
  }

  follow("/live", { machine: name }, { score: changed, state: changed, case: again, mel: (event) => live.show(event) });
});

function pageLinks(name) {
  const base = `/machines/${segment(name)}`;
  return h("div", { class: "buttons right" },
    h("a", { class: "button", href: `${base}/trend` }, t("trend.title")),
    h("a", { class: "button", href: `${base}/model` }, t("model.title")),
    h("a", { class: "button", href: `/cases?machine=${segment(name)}` }, t("nav.cases")));
}

function drawStatus(panel, machine) {
  const id = machine.open_case?.id ?? machine.open_case;
  replace(panel,
    h("div", { class: "head" }, h("h2", null, t("machine.now")), badge(kindOf(machine), stateName(machine))),
    h("p", null, t(`state.${kindOf(machine)}.means`)),
    id ? h("p", null, h("a", { class: "button primary", href: `/cases/${segment(id)}` }, t("machine.open-case"))) : null,
    facts([
      [t("machine.score"), Number.isFinite(machine.score) ? h("span", { class: "big" }, number(machine.score, 3)) : t("tile.no-score")],
      [t("machine.sum"), Number.isFinite(machine.cusum) ? number(machine.cusum, 3) : null],
      [t("machine.limit"), Number.isFinite(machine.limit) ? number(machine.limit, 3) : null],
      [t("machine.budget"), Number.isFinite(machine.budget) ? count("machine.budget.value", machine.budget) : null],
      [t("machine.operating"), machine.operating_state ? named("operating", machine.operating_state) : null],
      [t("machine.microphone"), sensorName(machine.sensor_state)],
      [t("machine.input"), machine.device ?? machine.source],
      [t("machine.place"), machine.location || machine.group],
      [t("machine.updated"), machine.updated ? h("time", { title: when(machine.updated) }, since(machine.updated)) : t("machine.never")],
    ]));
}
