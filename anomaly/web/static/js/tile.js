// Tile of one machine in the overview.
import { h, replace } from "./dom.js";
import { number, score, since, t } from "./i18n.js";
import { badge, isDeaf, kindOf, sensorName, shareOfLimit, stateName } from "./states.js";
import { spark } from "./charts/spark.js";

/** Create an empty tile. */
export function createTile() {
  return h("article", { class: "tile" });
}

/** Draw what is known of a machine. `place` is left out where the heading above names it. */
export function drawTile(tile, machine, place = machine.location || machine.group || "") {
  const kind = kindOf(machine);
  tile.className = `tile ${kind}`;
  tile.dataset.kind = kind;
  tile.dataset.machine = machine.machine;
  const name = machine.display_name || machine.machine;
  const link = h("a", { href: `/machines/${encodeURIComponent(machine.machine)}` }, name);
  replace(tile,
    h("h3", null, link, badge(kind, stateName(machine))),
    place ? h("p", { class: "place" }, place) : null,
    gauge(machine),
    spark(machine.last_hour),
    scoreRow(machine),
    h("p", { class: "row sensors" }, h("span", { class: isDeaf(machine.sensor_state) ? "sensor bad" : "sensor" }, t("tile.microphone", { state: sensorName(machine.sensor_state) })), openCase(machine)));
}

function gauge(machine) {
  const share = shareOfLimit(machine);
  if (share === null) return h("div", { class: "gauge none", "aria-hidden": "true" });
  const place = share >= 1 ? "gauge over" : share >= 0.5 ? "gauge near" : "gauge";
  return h("div", { class: place, "aria-hidden": "true" }, h("i", { style: { width: `${Math.min(100, share * 100)}%` } }));
}

function scoreRow(machine) {
  const share = shareOfLimit(machine);
  const parts = [Number.isFinite(machine.score) ? t("tile.score", { score: score(machine.score) }) : t("tile.no-score"),
    share === null || !Number.isFinite(machine.score) ? null : t("tile.share", { percent: number(Math.round(share * 100)) })];
  return h("p", { class: "row" }, h("span", null, parts.filter(Boolean).join(", ")), h("span", { class: "hint" }, machine.updated ? since(machine.updated) : ""));
}

function openCase(machine) {
  const id = machine.open_case?.id;
  if (!id) return null;
  return h("a", { class: "case", href: `/cases/${encodeURIComponent(id)}` }, t("tile.case"));
}
