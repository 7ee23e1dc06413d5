// Scrolling picture of columns of bytes: time runs to the right, low bands stand at the bottom.

/** Picture of the newest columns. Only as many as it holds are kept; older ones are overwritten. */
export class Waterfall {
  /** `colours(bytes)` gives a table of pixels for the values from -128 to 127, made for the bytes that are shown. */
  constructor(canvas, columns, colours) {
    this.canvas = canvas;
    this.columns = columns;
    this.colours = colours;
    this.bands = 0;
    this.dirty = false;
  }

  /** Add columns, each of `bands` bytes. */
  add(bytes, bands) {
    if (bands !== this.bands) this.#resize(bands);
    for (let start = 0; start + bands <= bytes.length; start += bands) {
      this.bytes.set(bytes.subarray(start, start + bands), this.at * bands);
      this.at = (this.at + 1) % this.columns;
      this.filled = Math.min(this.columns, this.filled + 1);
    }
    this.#schedule();
  }

  #resize(bands) {
    Object.assign(this, { bands, at: 0, filled: 0, bytes: new Int8Array(this.columns * bands) });
    this.canvas.width = this.columns;
    this.canvas.height = bands;
    this.image = new ImageData(this.columns, bands);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  #schedule() {
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      this.#draw();
    });
  }

  // The newest column stands on the right; what has not come yet stays empty.
  #draw() {
    const { at, bands, bytes, columns, filled, pixels } = this;
    const table = this.colours(bytes, filled * bands);
    for (let age = 0; age < filled; age += 1) {
      const from = ((at - 1 - age + columns) % columns) * bands;
      const x = columns - 1 - age;
      for (let band = 0; band < bands; band += 1) pixels[(bands - 1 - band) * columns + x] = table[bytes[from + band] + 128];
    }
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
  }
}

/** Return the bytes of base64 text, as numbers from -128 to 127. */
export function decode(text) {
  return Int8Array.from(atob(text), (letter) => letter.charCodeAt(0) << 24 >> 24);
}
