// States of machines and microphones: their rank, name and mark. A state never shows by its colour alone.
import { svg, h } from "./dom.js";
import { t, named } from "./i18n.js";

/** Kinds from the worst to the best. */
export const KINDS = ["alarm", "deaf", "unknown", "watch", "still", "ok"];

const MARKS = {
  alarm: { shape: "M8 1 15.5 14.5H.5Z", sign: "M8 5.5v4.5M8 11.6v1.2" },
  watch: { shape: "M8 .8 15.2 8 8 15.2.8 8Z", sign: "M8 4.5v4.5M8 10.4v1.2" },
  deaf: { shape: "M1 1h14v14H1Z", sign: "M4 4l8 8M12 4l-8 8" },
  unknown: { shape: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Z", sign: "M6 6.2a2 2 0 1 1 2.8 1.9c-.6.3-.8.6-.8 1.3M8 11v1.2" },
  still: { shape: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Z", sign: "M6 5.5v5M10 5.5v5" },
  ok: { shape: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Z", sign: "M4.8 8.2 7 10.5l4.2-4.8" },
};

/** Return the kind of a machine's state: what is not judged is never `ok`. */
export function kindOf(machine) {
  const kind = { ALARM: "alarm", WATCH: "watch", DEAF: "deaf", OK: "ok" }[machine.state] ?? "unknown";
  return kind === "ok" && (machine.maintenance || machine.operating_state === "stopped") ? "still" : kind;
}

/** Return a machine after a newer second of its live stream. */
export function withSecond(machine, second) {
  const fault = second.not_judged && second.not_judged !== "undecided" ? second.not_judged : null;
  const { score, p_value, cusum, limit, operating_state } = second;
  const state = second.state ?? (fault ? "DEAF" : "UNKNOWN");
  return { ...machine, score, p_value, cusum, limit, operating_state, state, health_state: second.state, sensor_state: fault ?? "ok", reason: second.state ? null : machine.reason, monitored: true, updated: second.time };
}

/** Return the sum of the decision as a share of its limit, or null while it is not known. */
export function shareOfLimit(machine) {
  if (!Number.isFinite(machine.cusum) || !machine.limit) return null;
  return Math.max(0, machine.cusum) / machine.limit;
}

/** Return whether nobody needs to look at a machine. */
export function isWell(machine) {
  return ["ok", "still"].includes(kindOf(machine)) && !machine.open_case;
}

/** Return whether a microphone is known to fail. */
export function isDeaf(sensor) {
  return Boolean(sensor) && sensor !== "ok";
}

/** Return the name of a machine's state. */
export function stateName(machine) {
  const kind = kindOf(machine);
  if (kind === "still") return t(machine.maintenance ? "state.maintenance" : "state.stopped");
  return t(`state.${kind}`);
}

/** Return the name of a microphone's state. */
export function sensorName(sensor) {
  if (!sensor) return t("sensor.unknown");
  return named("sensor", sensor);
}

/** Create the mark of a kind. */
export function mark(kind) {
  const { shape, sign } = MARKS[kind] ?? MARKS.unknown;
  return svg("svg", { class: `mark ${kind}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: shape, fill: "currentColor", opacity: "0.25", stroke: "currentColor" }),
    svg("path", { d: sign, fill: "none", stroke: "currentColor", "stroke-width": "1.7", "stroke-linecap": "round", "stroke-linejoin": "round" }));
}

/** Create the mark and the name of a kind. */
export function badge(kind, text) {
  return h("span", { class: `badge ${kind}` }, mark(kind), text);
}
