// Colours of pictures of sound: tables from bytes (-128 to 127) to opaque pixels (little endian ABGR).
const LEVELS = [[11, 7, 36], [75, 29, 120], [169, 47, 107], [238, 106, 53], [251, 210, 74], [252, 255, 164]];
const COLD = [37, 99, 201];
const HOT = [208, 52, 44];
// Levels below and above these shares of all that is shown have the colours of the ends.
const QUIET_SHARE = 0.02;
const LOUD_SHARE = 0.995;
const LEAST_SPAN_DB = 20;

const pixel = ([red, green, blue]) => (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
const blend = (from, to, share) => from.map((value, at) => Math.round(value + (to[at] - value) * share));
const table = (colour) => Uint32Array.from({ length: 256 }, (_, at) => pixel(colour(at - 128)));

/** Return the colour of a share from 0 (quiet) to 1 (loud) as red, green and blue. */
export function levelColour(share) {
  const place = Math.max(0, Math.min(1, share)) * (LEVELS.length - 1);
  const below = Math.min(LEVELS.length - 2, Math.floor(place));
  return blend(LEVELS[below], LEVELS[below + 1], place - below);
}

/** Return a maker of tables for levels in decibels, which spans the levels that are shown. */
export function levelTables() {
  let spanned = "";
  let made = null;
  return (bytes, length) => {
    const [low, high] = range(bytes, length);
    if (spanned !== `${low} ${high}`) {
      spanned = `${low} ${high}`;
      made = table((value) => levelColour((value - low) / (high - low)));
    }
    return made;
  };
}

/** Return a maker of tables for signed values: blue below zero, red above, as strong at `most` as can be. */
export function signedTables(most) {
  const surface = rgb(getComputedStyle(document.documentElement).getPropertyValue("--surface"));
  const made = table((value) => blend(surface, value < 0 ? COLD : HOT, Math.min(1, Math.abs(value) / most)));
  return () => made;
}

function range(bytes, length) {
  const counts = new Uint32Array(256);
  for (let at = 0; at < length; at += 1) counts[bytes[at] + 128] += 1;
  const low = quantile(counts, length * QUIET_SHARE);
  return [low, Math.max(low + LEAST_SPAN_DB, quantile(counts, length * LOUD_SHARE))];
}

function quantile(counts, wanted) {
  let sum = 0;
  for (let at = 0; at < counts.length; at += 1) {
    sum += counts[at];
    if (sum > wanted) return at - 128;
  }
  return 127;
}

/** Return a colour of the style sheet as numbers. */
export function rgb(text) {
  const hex = text.trim().replace("#", "");
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) || 0);
}
