// Case: what has happened and why, its sound beside normal sound, its history, and what to do about it.
import { get, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { named, t } from "../i18n.js";
import { load } from "../notices.js";
import { fromPath, heading, may, startPage } from "../shell.js";
import { badge } from "../states.js";
import { follow } from "../stream.js";
import { actions } from "../case/actions.js";
import { clipPair } from "../case/clips.js";
import { historyList } from "../case/history_list.js";
import { reasons } from "../case/reasons.js";

const YOUNG_MS = 120_000;
const AGAIN_MS = 3_000;

startPage(t("case.title"), async (main, site) => {
  const id = fromPath(1);
  const head = h("div");
  const why = h("section", { class: "panel", "aria-labelledby": "why" });
  const clips = h("div");
  const history = h("div");
  const todo = h("section", { class: "panel actions", "aria-labelledby": "todo" });

  // News from elsewhere must not take away a form that somebody fills in.
  function draw(found, own = true) {
    const name = found.display_name ?? found.machine;
    replace(head, heading(t("case.of", { machine: name }), [["/", t("nav.overview")], ["/cases", t("nav.cases")], [`/machines/${segment(found.machine)}`, name]],
      badge(found.state === "closed" ? "still" : found.kind === "sensor" ? "deaf" : "alarm", named("case-state", found.state))));
    replace(why, h("h2", { id: "why" }, t("case.why")), reasons(found));
    replace(history, historyList(found.history));
    if (!own && todo.querySelector("details[open]")) return;
    replace(todo, h("h2", { id: "todo" }, t("case.todo")), may(site, "act") ? actions(found, () => again()) : h("p", null, t("case.may-not")));
  }

  async function again(own = true) {
    draw(await get(`/cases/${segment(id)}`), own);
  }

  const found = await get(`/cases/${segment(id)}`);
  draw(found);
  replace(main, head, h("div", { class: "columns side case-page" },
    h("div", { class: "stack" }, why, h("section", { class: "panel", "aria-labelledby": "sound" }, h("h2", { id: "sound" }, t("case.sound")), clips)),
    h("div", { class: "stack" }, todo, h("section", { class: "panel", "aria-labelledby": "story" }, h("h2", { id: "story" }, t("case.history")), history))));
  async function listen() {
    await load(clips, () => get(`/cases/${segment(id)}/clips`), (answer) => clipPair(answer, site));
    // The clip of a new case is still being written.
    const young = Date.now() - new Date(found.opened_at).getTime() < YOUNG_MS;
    if (young && !clips.querySelector("figure")) setTimeout(listen, AGAIN_MS);
  }

  await listen();
  follow("/live", {}, {
    case: (event) => {
      if (event.case !== found.id) return;
      again(false);
      if (event.event === "clip.saved") listen();
    },
  });
});
