// Chip seen from above: a pixel for each cell, in the colour of what it holds.
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { levelColours } from "../live/palette.js";

const FREE = 0xff808080;

/** Draw the cells. `chip.grid` is [rows, columns]; `chip.occupied` has [row, column, use 0 to 1] of each cell in use. */
export function floorplan(chip) {
  const [rows, columns] = chip.grid ?? [0, 0];
  if (!rows || !chip.occupied?.length) return null;
  const scale = 8;
  const canvas = h("canvas", { class: "floorplan", role: "img", "aria-label": t("model.floorplan", { used: chip.occupied.length, all: rows * columns }), width: columns * scale, height: rows * scale });
  const context = canvas.getContext("2d");
  context.fillStyle = css(FREE, 0.18);
  for (let row = 0; row < rows; row += 1) for (let column = 0; column < columns; column += 1) context.fillRect(column * scale, row * scale, scale - 1, scale - 1);
  for (const [row, column, use = 0.6] of chip.occupied) {
    context.fillStyle = css(levelColours[Math.round(60 + 180 * Math.min(1, use))], 1);
    context.fillRect(column * scale, row * scale, scale - 1, scale - 1);
  }
  return canvas;
}

function css(pixel, alpha) {
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255} / ${alpha})`;
}
