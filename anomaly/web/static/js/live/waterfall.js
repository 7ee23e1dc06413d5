// Scrolling picture of columns of bytes: time runs to the right, low bands stand at the bottom.

/** Picture of the newest columns. Only as many as it holds are kept; older ones are overwritten. */
export class Waterfall {
  constructor(canvas, columns, colours) {
    this.canvas = canvas;
    this.columns = columns;
    this.colours = colours;
    this.bands = 0;
    this.at = 0;
    this.dirty = false;
  }

  /** Add columns, each of `bands` bytes. */
  add(bytes, bands) {
    if (bands !== this.bands) this.#resize(bands);
    for (let start = 0; start + bands <= bytes.length; start += bands) {
      for (let band = 0; band < bands; band += 1) {
        this.pixels[(bands - 1 - band) * this.columns + this.at] = this.colours[bytes[start + band] + 128];
      }
      this.at = (this.at + 1) % this.columns;
    }
    this.#schedule();
  }

  #resize(bands) {
    this.bands = bands;
    this.canvas.width = this.columns;
    this.canvas.height = bands;
    this.image = new ImageData(this.columns, bands);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.ring = new OffscreenCanvas(this.columns, bands);
  }

  #schedule() {
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      this.#draw();
    });
  }

  // The ring is drawn in two parts, so that its oldest column stands on the left.
  #draw() {
    const { at, columns, bands } = this;
    this.ring.getContext("2d").putImageData(this.image, 0, 0);
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, columns, bands);
    context.drawImage(this.ring, at, 0, columns - at, bands, 0, 0, columns - at, bands);
    if (at > 0) context.drawImage(this.ring, 0, 0, at, bands, columns - at, 0, at, bands);
  }
}

/** Return the bytes of base64 text, as numbers from -128 to 127. */
export function decode(text) {
  const raw = atob(text);
  const bytes = new Int8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at) << 24 >> 24;
  return bytes;
}
