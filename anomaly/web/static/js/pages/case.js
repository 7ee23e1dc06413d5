// Case: what has happened and why, its sound beside normal sound, its history, and what to do about it.
import { get, segment } from "../api.js";
import { facts, h, replace } from "../dom.js";
import { named, number, since, t, when } from "../i18n.js";
import { items } from "../lists.js";
import { load } from "../notices.js";
import { fromPath, heading, may, startPage } from "../shell.js";
import { badge } from "../states.js";
import { follow } from "../stream.js";
import { actions } from "../case/actions.js";
import { bandList } from "../case/band_list.js";
import { clipPair } from "../case/clips.js";
import { historyList } from "../case/history_list.js";

startPage(t("case.title"), async (main, site) => {
  const id = fromPath(1);
  const head = h("div");
  const why = h("section", { class: "panel", "aria-labelledby": "why" });
  const clips = h("div");
  const history = h("div");
  const todo = h("section", { class: "panel actions", "aria-labelledby": "todo" });

  function draw(found) {
    const name = found.asset?.display_name ?? found.display_name ?? found.machine;
    replace(head, heading(t("case.of", { machine: name }), [["/", t("nav.overview")], ["/cases", t("nav.cases")], [`/machines/${segment(found.machine)}`, name]],
      badge(found.state === "closed" ? "still" : found.kind === "sensor" ? "deaf" : "alarm", named("case-state", found.state))));
    replace(why, h("h2", { id: "why" }, t("case.why")), reasons(found));
    replace(history, historyList(items(found.history)));
    replace(todo, h("h2", { id: "todo" }, t("case.todo")), may(site, "operator") || may(site, "act") ? actions(found, again) : h("p", null, t("case.may-not")));
  }

  async function again() {
    draw(await get(`/cases/${segment(id)}`));
  }

  const found = await get(`/cases/${segment(id)}`);
  draw(found);
  replace(main, head, h("div", { class: "columns side" },
    h("div", { class: "stack" }, why, h("section", { class: "panel", "aria-labelledby": "sound" }, h("h2", { id: "sound" }, t("case.sound")), clips)),
    h("div", { class: "stack" }, todo, h("section", { class: "panel", "aria-labelledby": "story" }, h("h2", { id: "story" }, t("case.history")), history))));
  follow("/live", { machine: found.machine }, { case: (event) => (event.id ?? event.case) === id && again() });
  await load(clips, () => get(`/cases/${segment(id)}/clips`), (answer) => clipPair(answer, site));
});

function reasons(found) {
  const rows = Array.isArray(found.why) ? found.why : items(found.why?.rows);
  const lines = rows.map((row) => (Array.isArray(row) ? row : [row.name, row.text]));
  const causes = items(found.causes ?? found.why?.causes);
  return [
    h("p", null, h("strong", null, found.headline ?? found.summary)),
    facts(lines.length ? lines : [
      [t("case.since"), h("time", { title: when(found.opened_at) }, `${when(found.opened_at)} (${since(found.opened_at)})`)],
      [t("case.score"), Number.isFinite(found.peak_score) ? number(found.peak_score, 3) : null],
    ]),
    facts([[t("case.assigned"), found.assigned_to], [t("case.shelved"), found.silenced_until ? when(found.silenced_until) : null],
      [t("case.finding"), found.finding ? named("finding", found.finding) : null], [t("case.action"), found.action]]),
    causes.length ? h("div", null, h("h3", null, t("case.causes")), h("ul", null, causes.map((cause) => h("li", null, named("finding", cause.family ?? cause.name), cause.text ? `: ${cause.text}` : "")))) : null,
    bandList(items(found.suspects)),
  ];
}
