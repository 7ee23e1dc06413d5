// Spectrum of an input as bars over a logarithmic frequency axis.
import { rgb } from "../live/palette.js";

const LOW_DB = -110;
const HIGH_DB = -10;
const MARKS = [100, 1000, 5000];

/** Draw levels in decibels, one for each band. */
export function drawSpectrum(canvas, levels, frequencies) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const style = getComputedStyle(document.documentElement);
  const [red, green, blue] = rgb(style.getPropertyValue("--curve"));
  context.clearRect(0, 0, width, height);
  context.fillStyle = `rgb(${red} ${green} ${blue})`;
  const step = width / levels.length;
  levels.forEach((level, at) => {
    const share = Math.max(0, Math.min(1, (level - LOW_DB) / (HIGH_DB - LOW_DB)));
    context.fillRect(at * step, height - share * height, Math.max(1, step - 1), share * height);
  });
  if (frequencies?.length) drawMarks(context, frequencies, step, height, style.getPropertyValue("--ink-2"));
}

function drawMarks(context, frequencies, step, height, ink) {
  context.fillStyle = ink;
  context.font = "16px system-ui, sans-serif";
  for (const hz of MARKS) {
    const at = frequencies.findIndex((frequency) => frequency >= hz);
    if (at < 0) continue;
    context.fillRect(at * step, 0, 1, height);
    context.fillText(hz >= 1000 ? `${hz / 1000} kHz` : `${hz} Hz`, at * step + 5, 18);
  }
}
