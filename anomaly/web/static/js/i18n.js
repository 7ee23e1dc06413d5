// Texts in the viewer's language, and numbers and times as that language and the viewer's time zone write them.
export const language = document.documentElement.lang === "de" ? "de" : "en";

/** Language with the region of the viewer's browser, which decides how times and numbers look. */
export const locale = navigator.languages.find((name) => name.toLowerCase().startsWith(language)) ?? language;

const answer = await fetch(`/static/text/${language}.json`);
const texts = await answer.json();
const plurals = new Intl.PluralRules(language);

/** Return a text with the values of its braces filled in. */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Return a text that depends on a number, which is also the value of `{n}`. */
export function count(key, n, values = {}) {
  const form = plurals.select(n) === "one" ? "one" : "other";
  return t(`${key}.${form}`, { n: number(n), ...values });
}

/** Return whether there is such a text. */
export function has(key) {
  return key in texts;
}

/** Return a text for a name that the server sent; the name itself if it is not known here. */
export function named(section, name) {
  if (name === null || name === undefined || name === "") return t("unknown");
  return has(`${section}.${name}`) ? t(`${section}.${name}`) : String(name);
}

/** Return a number with so many significant digits, without an exponent. */
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return t("no-value");
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return new Intl.NumberFormat(locale).format(value);
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: digits }).format(value);
}

/** Return a score, or a sum of the decision, with one decimal. */
export function score(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return t("no-value");
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(value);
}

const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

/** Return a Date of ISO 8601 text, UNIX seconds or a Date; null for nothing. */
export function asDate(time) {
  if (time === null || time === undefined || time === "") return null;
  if (time instanceof Date) return time;
  return new Date(typeof time === "number" ? time * 1000 : time);
}

/** Return a time in the viewer's zone: the clock alone if it is today's. */
export function when(time) {
  const date = asDate(time);
  if (!date) return t("no-value");
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : moment.format(date);
}

export const onDay = (time) => (asDate(time) ? day.format(asDate(time)) : t("no-value"));

const UNITS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

/** Return how long ago a time was. */
export function since(time) {
  const date = asDate(time);
  if (!date) return t("no-value");
  let span = (date.getTime() - Date.now()) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(span) < size) return ago.format(Math.round(span), unit);
    span /= size;
  }
  return moment.format(date);
}

/** Return a length of time in its natural unit. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return t("no-value");
  const [unit, size] = seconds < 90 ? ["second", 1] : seconds < 5400 ? ["minute", 60] : seconds < 129600 ? ["hour", 3600] : ["day", 86400];
  const value = Number((seconds / size).toPrecision(2));
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(value);
}

/** Return a size in bytes. */
export function bytes(value) {
  if (!Number.isFinite(value)) return t("no-value");
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) { value /= 1000; at += 1; }
  return `${number(value, 3)} ${units[at]}`;
}

/** Return a frequency with its unit. */
export function hertz(value) {
  return value >= 1000 ? `${number(value / 1000, 3)} kHz` : `${number(value, 3)} Hz`;
}

/** Return a band of frequencies, its unit once if both edges have the same. */
export function band(low, high) {
  if (low < 1000) return t("band", { low: hertz(Number(low.toPrecision(2))), high: hertz(Number(high.toPrecision(2))) });
  const kilo = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return t("band", { low: kilo.format(low / 1000), high: `${kilo.format(high / 1000)} kHz` });
}
