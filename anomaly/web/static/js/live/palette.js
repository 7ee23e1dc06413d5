// Colours of pictures of sound: bytes from -128 to 127 to opaque pixels (little endian ABGR).
const LEVELS = [[11, 7, 36], [75, 29, 120], [169, 47, 107], [238, 106, 53], [251, 210, 74], [252, 255, 164]];
const COLD = [37, 99, 201];
const HOT = [208, 52, 44];

const pixel = ([red, green, blue]) => (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
const blend = (from, to, share) => from.map((value, at) => Math.round(value + (to[at] - value) * share));

function table(colour) {
  return Uint32Array.from({ length: 256 }, (_, at) => pixel(colour(at)));
}

/** Colours of levels, from quiet to loud. */
export const levelColours = table((at) => {
  const place = (at / 255) * (LEVELS.length - 1);
  const below = Math.min(LEVELS.length - 2, Math.floor(place));
  return blend(LEVELS[below], LEVELS[below + 1], place - below);
});

/** Colours of residuals: quieter than predicted, as predicted, louder than predicted. */
export function residualColours() {
  const surface = rgb(getComputedStyle(document.documentElement).getPropertyValue("--surface"));
  return table((at) => {
    const value = (at - 128) / 127;
    return blend(surface, value < 0 ? COLD : HOT, Math.min(1, Math.abs(value)));
  });
}

/** Return a colour of the style sheet as numbers. */
export function rgb(text) {
  const hex = text.trim().replace("#", "");
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) || 0);
}

export { pixel };
