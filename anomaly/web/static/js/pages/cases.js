// List of cases: open ones first, then closed ones by page.
import { get, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { named, since, t, when } from "../i18n.js";
import { items } from "../lists.js";
import { empty, failed, loading } from "../notices.js";
import { heading, startPage } from "../shell.js";
import { headline } from "../case/reasons.js";
import { mark } from "../states.js";

const query = new URLSearchParams(location.search);

startPage(t("nav.cases"), async (main) => {
  const machine = query.get("machine");
  const list = h("div", { class: "panel" });
  const filter = h("div", { class: "buttons right", role: "group", "aria-label": t("cases.which") },
    ["open", "closed", ""].map((state) => h("button", {
      type: "button", class: "small", "aria-pressed": String(state === (query.get("state") ?? "open")),
      onclick: (event) => {
        event.target.parentElement.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(button === event.target)));
        show(list, { machine, state });
      },
    }, t(`cases.${state || "all"}`))));
  replace(main, heading(machine ? t("cases.of", { machine }) : t("nav.cases"), machine ? [["/", t("nav.overview")], [`/machines/${segment(machine)}`, machine]] : [], filter), list);
  await show(list, { machine, state: query.get("state") ?? "open" });
});

async function show(list, request) {
  replace(list, loading());
  try {
    const answer = await get("/cases", request);
    const found = items(answer);
    replace(list, found.length ? [h("ul", { class: "plain" }, found.map(row)), more(list, request, answer)] : empty(t(`cases.none.${request.state || "all"}`), t("cases.none.hint")));
  } catch (error) {
    if (error.status === undefined) console.error(error);
    replace(list, failed(error, () => show(list, request)));
  }
}

function row(item) {
  const open = item.state !== "closed";
  return h("li", { class: "case-row" },
    h("span", null, mark(kindOfCase(item)), " ", h("a", { href: `/cases/${segment(item.id)}` }, item.display_name ?? item.machine)),
    h("time", { class: "hint", title: when(item.opened_at) }, since(item.opened_at)),
    h("p", null, headline(item)),
    h("p", { class: "hint" }, [named("case-state", item.state), item.assigned_to ? t("case.with", { name: item.assigned_to }) : null, !open && item.finding ? named("finding", item.finding) : null].filter(Boolean).join(" · ")));
}

const kindOfCase = (item) => (item.state === "closed" ? "still" : item.kind === "sensor" ? "deaf" : "alarm");

function more(list, request, answer) {
  if (!answer.next) return null;
  return h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => show(list, { ...request, page: answer.next }) }, t("cases.more")));
}
