// Reasons of a case in the viewer's words: how bad, since when, how far from normal sound, and what to check.
import { facts, h } from "../dom.js";
import { band, has, named, number, score, since, t, when } from "../i18n.js";
import { bandList } from "./band_list.js";

// Bounds of the probability of one second of normal sound, as the messages use them.
const COMMON = 0.2;
const LEAST = 1e-6;
const HIGH = 1e-4;
const MEDIUM = 1e-2;
const LEAST_CHANGE_DB = 1;

/** Create the reasons. */
export function reasons(found) {
  const sensor = found.kind === "sensor";
  const { suspects, causes, evidence } = found.why;
  return [
    h("p", null, h("strong", null, headline(found))),
    facts([
      [t("case.severity"), sensor ? t("case.severity.sensor") : t(`case.severity.${found.severity}`)],
      [t("case.since"), h("time", { datetime: found.opened_at }, `${when(found.opened_at)} (${since(found.opened_at)})`)],
      [t("case.far"), Number.isFinite(found.peak_score) ? farness(found) : null],
      [t("case.change"), sensor || !suspects.length ? null : change(suspects[0])],
      [t("case.check"), sensor ? sensorCheck(evidence.status) : t("case.check.machine")],
      [t("case.confidence"), sensor ? t("case.confidence.sensor") : confidence(found.min_p_value)],
      [t("case.acknowledged-by"), found.acknowledged_by ? `${found.acknowledged_by}, ${when(found.acknowledged_at)}` : null],
      [t("case.assigned"), found.assigned_to],
      [t("case.shelved"), found.silenced_until && new Date(found.silenced_until) > new Date() ? when(found.silenced_until) : null],
      [t("case.finding"), found.finding ? named("finding", found.finding) : null],
      [t("case.action"), found.action],
      [t("case.number"), h("code", null, found.id.slice(0, 8))],
    ]),
    causes.length ? h("div", null, h("h3", null, t("case.causes")), h("ul", null, causes.map(cause))) : null,
    bandList(suspects),
  ];
}

/** Return one sentence that says what a case is about. */
export function headline(found) {
  const machine = found.display_name ?? found.machine;
  if (found.kind === "machine") return t("case.headline.machine", { machine });
  const status = found.why?.evidence?.status;
  return has(`sensor.${status}`) ? t("case.headline.sensor-fault", { machine, fault: t(`sensor.${status}`) }) : t("case.headline.sensor", { machine });
}

function farness(found) {
  const p = found.min_p_value;
  const value = score(found.peak_score);
  if (!Number.isFinite(p)) return value;
  if (p > COMMON) return t("case.far.common", { score: value });
  return p < LEAST ? t("case.far.never", { score: value }) : t("case.far.once", { score: value, seconds: number(Number((1 / p).toPrecision(1))) });
}

function change(suspect) {
  const place = band(suspect.low_hz, suspect.high_hz);
  const db = suspect.change_db;
  if (!Number.isFinite(db)) return t("case.change.band", { band: place, n: number(suspect.deviation, 2) });
  if (Math.abs(db) < LEAST_CHANGE_DB) return t("case.change.different", { band: place });
  return t(db > 0 ? "case.change.louder" : "case.change.quieter", { band: place, db: number(Math.abs(db), 2) });
}

function confidence(p) {
  if (!Number.isFinite(p)) return null;
  return t(`case.confidence.${p < HIGH ? "high" : p < MEDIUM ? "medium" : "low"}`);
}

const sensorCheck = (status) => (has(`sensor-check.${status}`) ? t(`sensor-check.${status}`) : t("case.check.sensor"));

function cause(found) {
  const share = found.probability ?? found.confidence;
  const text = [named("finding", found.family ?? found.name), Number.isFinite(share) ? `${number(Math.round(share * 100))} %` : null, found.text ?? found.reason].filter(Boolean);
  return h("li", null, text.join(" – "));
}
