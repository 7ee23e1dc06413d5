// Overview: a tile for each machine, the worst first.
import { get } from "../api.js";
import { h, replace } from "../dom.js";
import { count, t } from "../i18n.js";
import { groupBy, items } from "../lists.js";
import { announce, empty, failed, loading } from "../notices.js";
import { startPage, may } from "../shell.js";
import { isWell, KINDS, kindOf, shareOfLimit, stateName, withSecond } from "../states.js";
import { follow } from "../stream.js";
import { createTile, drawTile } from "../tile.js";

// With more machines than this those that are well are drawn small, so that the page stays readable.
const DENSE_FROM = 30;
const REFRESH_MS = 15_000;
// Events come in groups.
const SETTLE_MS = 400;

const machines = new Map();
const tiles = new Map();
const wanted = { text: "", kind: "", place: "" };
let groups;
let controls;

startPage(t("overview.title"), async (main, site) => {
  controls = h("div", { class: "filters", role: "search" });
  groups = h("div", { "aria-busy": "true" }, loading());
  replace(main, h("h1", { class: "visually-hidden" }, t("overview.title")), controls, groups);
  await refresh(site);
  setInterval(() => refresh(site), REFRESH_MS);
  let due = 0;
  const soon = () => { clearTimeout(due); due = setTimeout(() => refresh(site), SETTLE_MS); };
  follow("/live", {}, { score: scored, state: soon, case: soon });
});

async function refresh(site) {
  try {
    const list = await get("/machines");
    const gone = new Set(machines.keys());
    for (const machine of items(list)) {
      notice(machine);
      machines.set(machine.machine, machine);
      gone.delete(machine.machine);
    }
    gone.forEach((name) => { machines.delete(name); tiles.delete(name); });
    groups.removeAttribute("aria-busy");
    draw(site);
  } catch (error) {
    if (error.status === undefined) console.error(error);
    if (machines.size === 0) replace(groups, failed(error, () => refresh(site)));
  }
}

function scored(second) {
  const old = machines.get(second.machine);
  if (!old) return;
  const newer = withSecond(old, second);
  notice(newer);
  machines.set(second.machine, newer);
  if (kindOf(newer) !== kindOf(old)) draw();
  else if (tiles.has(second.machine)) drawTile(tiles.get(second.machine), newer, shownPlace(newer));
}

function notice(machine) {
  const old = machines.get(machine.machine);
  if (old && kindOf(old) !== kindOf(machine)) announce(t("overview.changed", { machine: machine.display_name || machine.machine, state: stateName(machine) }));
}

function shown() {
  const text = wanted.text.toLowerCase();
  return [...machines.values()].filter((machine) =>
    (!wanted.kind || kindOf(machine) === wanted.kind) &&
    (!wanted.place || placeOf(machine) === wanted.place) &&
    [machine.machine, machine.display_name, machine.location, machine.group].join(" ").toLowerCase().includes(text));
}

const placeOf = (machine) => machine.group || machine.location || t("overview.no-place");

function worse(left, right) {
  const rank = (machine) => KINDS.indexOf(kindOf(machine));
  const excess = (machine) => shareOfLimit(machine) ?? 0;
  const name = (machine) => machine.display_name || machine.machine;
  const urgency = isWell(left) ? 0 : excess(right) - excess(left);
  return rank(left) - rank(right) || urgency || name(left).localeCompare(name(right), undefined, { numeric: true });
}

function draw(site) {
  if (!controls.hasChildNodes()) drawControls();
  drawCounts();
  if (machines.size === 0) {
    replace(groups, nothing(site));
    return;
  }
  const list = shown().sort(worse);
  const urgent = list.filter((machine) => !isWell(machine));
  const well = groupBy(list.filter(isWell), placeOf);
  const places = [...well.keys()].sort((left, right) => left.localeCompare(right));
  const focused = document.activeElement?.closest?.(".tile")?.dataset.machine;
  const dense = machines.size > DENSE_FROM;
  replace(groups,
    urgent.length ? section(t("overview.urgent"), urgent, urgent.length > DENSE_FROM) : null,
    places.map((place) => section(place, well.get(place), dense)),
    list.length ? null : empty(t("overview.none-match"), t("overview.none-match.hint"), h("button", { type: "button", onclick: clear }, t("overview.clear"))));
  if (focused && list.some((machine) => machine.machine === focused)) tiles.get(focused).querySelector("a").focus();
}

function section(title, members, dense) {
  return h("section", { class: dense ? "group dense" : "group", "aria-label": title },
    h("h2", null, title, h("small", null, count("overview.machines", members.length))),
    h("div", { class: "tiles" }, members.map((machine) => {
      if (!tiles.has(machine.machine)) tiles.set(machine.machine, createTile());
      drawTile(tiles.get(machine.machine), machine, shownPlace(machine));
      return tiles.get(machine.machine);
    })));
}

// The heading of a group names the place of those that are well.
function shownPlace(machine) {
  if (!isWell(machine)) return machine.location || machine.group || "";
  return machine.group ? machine.location ?? "" : "";
}

function nothing(site) {
  const start = !site || may(site, "admin") ? h("a", { class: "button primary", href: "/setup" }, t("overview.setup")) : null;
  return empty(t("overview.empty"), t("overview.empty.hint"), start);
}

function drawControls() {
  const search = h("input", { type: "search", placeholder: t("overview.search"), "aria-label": t("overview.search"), oninput: (event) => { wanted.text = event.target.value; draw(); } });
  const places = [...new Set([...machines.values()].map(placeOf))].sort((left, right) => left.localeCompare(right));
  const place = h("select", { "aria-label": t("overview.place"), onchange: (event) => { wanted.place = event.target.value; draw(); } },
    h("option", { value: "" }, t("overview.all-places")), places.map((name) => h("option", { value: name }, name)));
  const kinds = ["", ...KINDS].map((kind) => h("button", {
    type: "button", class: "small", "data-kind": kind, "aria-pressed": String(kind === wanted.kind),
    onclick: () => { wanted.kind = kind; draw(); },
  }));
  replace(controls, search, places.length > 1 ? place : null, h("div", { class: "buttons", role: "group", "aria-label": t("overview.states") }, kinds));
  controls.hidden = machines.size < 2;
}

function drawCounts() {
  const numbers = groupBy([...machines.values()], kindOf);
  controls.querySelectorAll("button[data-kind]").forEach((button) => {
    const { kind } = button.dataset;
    const n = kind ? (numbers.get(kind)?.length ?? 0) : machines.size;
    button.setAttribute("aria-pressed", String(kind === wanted.kind));
    button.hidden = Boolean(kind) && n === 0 && kind !== wanted.kind;
    replace(button, t(kind ? `state.${kind}` : "overview.all"), h("span", { class: "count" }, String(n)));
  });
}

function clear() {
  Object.assign(wanted, { text: "", kind: "", place: "" });
  replace(controls);
  draw();
}
