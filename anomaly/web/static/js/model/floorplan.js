// Chip seen from above: a pixel for each cell, in the colour of what it holds.
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { levelColour } from "../live/palette.js";

/** Draw the cells. `chip.grid` is [rows, columns]; `chip.occupied` has [row, column, use 0 to 1] of each cell in use. */
export function floorplan(chip) {
  const [rows, columns] = chip.grid ?? [0, 0];
  if (!rows || !chip.occupied?.length) return null;
  const scale = 8;
  const canvas = h("canvas", { class: "floorplan", role: "img", "aria-label": t("model.floorplan", { used: chip.occupied.length, all: rows * columns }), width: columns * scale, height: rows * scale });
  const context = canvas.getContext("2d");
  context.fillStyle = "rgb(128 128 128 / 0.18)";
  for (let row = 0; row < rows; row += 1) for (let column = 0; column < columns; column += 1) context.fillRect(column * scale, row * scale, scale - 1, scale - 1);
  for (const [row, column, use = 0.6] of chip.occupied) {
    context.fillStyle = `rgb(${levelColour(0.25 + 0.7 * Math.min(1, use)).join(" ")})`;
    context.fillRect(column * scale, row * scale, scale - 1, scale - 1);
  }
  return canvas;
}
