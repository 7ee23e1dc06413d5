// Machine: its state, the live sound, the scores over time, and what is open.
import { get, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { t } from "../i18n.js";
import { historyPanel } from "../charts/history_panel.js";
import { livePanel } from "../live/live_panel.js";
import { statusPanel } from "../live/status_panel.js";
import { announce } from "../notices.js";
import { fromPath, heading, startPage } from "../shell.js";
import { kindOf, stateName, withSecond } from "../states.js";
import { follow } from "../stream.js";

const REFRESH_MS = 20_000;

startPage(t("machine.title"), async (main) => {
  const name = fromPath(1);
  let machine = await get(`/machines/${segment(name)}`);
  const status = statusPanel();
  const live = livePanel();
  const history = historyPanel(name);
  const title = machine.display_name || name;
  replace(main, heading(title, [["/", t("nav.overview")]], pageLinks(name)),
    h("div", { class: "stack" }, h("div", { class: "columns side" }, live.element, status.element), history.element));
  status.draw(machine);
  history.start();

  function take(newer) {
    if (kindOf(newer) !== kindOf(machine)) announce(t("overview.changed", { machine: title, state: stateName(newer) }));
    machine = newer;
    status.draw(machine);
  }

  const again = async () => take(await get(`/machines/${segment(name)}`));
  setInterval(() => { history.refresh(); again().catch(() => null); }, REFRESH_MS);
  follow("/live", { machine: name }, { score: (second) => take(withSecond(machine, second)), state: again, case: again, mel: live.show });
});

function pageLinks(name) {
  const base = `/machines/${segment(name)}`;
  return h("div", { class: "buttons right" },
    h("a", { class: "button", href: `${base}/trend` }, t("trend.title")),
    h("a", { class: "button", href: `${base}/model` }, t("model.title")),
    h("a", { class: "button", href: `/cases?machine=${segment(name)}` }, t("nav.cases")));
}
