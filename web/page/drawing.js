// A drawing of 28 × 28 pixels, by mouse, finger or keys.

export const SIDE = 28;

/** A place on the drawing, in pixels. @typedef {{ x: number, y: number }} Place */

/** A canvas's surface. @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [settings] */
function surface(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("this browser draws on no canvas");
  return context;
}

/** Draws bytes as shades of grey on a canvas of that many pixels. @param {HTMLCanvasElement} canvas @param {Uint8Array} bytes @param {number} width */
export function show(canvas, bytes, width) {
  canvas.width = width;
  canvas.height = Math.ceil(bytes.length / width);
  const context = surface(canvas);
  const image = context.createImageData(canvas.width, canvas.height);
  bytes.forEach((byte, place) => image.data.set([byte, byte, byte, 255], 4 * place));
  context.putImageData(image, 0, 0);
}

/** The pixels of a canvas, and what changes them. */
export class Drawing {
  /** @param {HTMLCanvasElement} canvas @param {() => number} shade @param {() => void} changed */
  constructor(canvas, shade, changed) {
    this.canvas = canvas;
    this.shade = shade;
    this.changed = changed;
    /** The shades, 0 to 255. @type {Uint8Array} */
    this.pixels = new Uint8Array(SIDE * SIDE);
    /** The end of the stroke that a pointer draws. @type {Place | undefined} */
    this.last = undefined;
    /** The place of the pen that keys move. @type {Place} */
    this.pen = { x: SIDE / 2, y: SIDE / 2 };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.last = this.place(event);
      this.line(this.last, this.last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId) || !this.last) return;
      const place = this.place(event);
      this.line(this.last, place);
      this.last = place;
    });
    canvas.addEventListener("pointerup", () => (this.last = undefined));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.refresh());
    canvas.addEventListener("blur", () => this.refresh());
    this.refresh();
  }

  /** @param {PointerEvent} event @returns {Place} */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    /** @type {Record<string, [number, number]>} */
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (move) {
      this.pen.x = Math.min(SIDE - 0.5, Math.max(0.5, this.pen.x + move[0]));
      this.pen.y = Math.min(SIDE - 0.5, Math.max(0.5, this.pen.y + move[1]));
      this.refresh();
    } else if (event.key === " ") this.line(this.pen, this.pen);
    else if (event.key === "Backspace") this.line(this.pen, this.pen, 0);
    else if (event.key === "Delete") this.set(new Uint8Array(SIDE * SIDE));
    else return;
    event.preventDefault();
  }

  /** A stroke of two pixels' width, whose edge is soft. @param {Place} from @param {Place} to @param {number} [shade] */
  line(from, to, shade = this.shade()) {
    const steps = Math.ceil(4 * Math.hypot(to.x - from.x, to.y - from.y)) || 1;
    for (let step = 0; step <= steps; step++) {
      const x = from.x + ((to.x - from.x) * step) / steps;
      const y = from.y + ((to.y - from.y) * step) / steps;
      for (let row = Math.max(0, Math.floor(y - 2)); row <= Math.min(SIDE - 1, y + 2); row++) {
        for (let column = Math.max(0, Math.floor(x - 2)); column <= Math.min(SIDE - 1, x + 2); column++) {
          const cover = Math.min(1, Math.max(0, 1.6 - Math.hypot(column + 0.5 - x, row + 0.5 - y)));
          const place = row * SIDE + column;
          const before = this.pixels[place];
          const goal = Math.round(before + (shade - before) * cover);
          this.pixels[place] = shade === 0 ? Math.min(before, goal) : Math.max(before, goal);
        }
      }
    }
    this.refresh();
    this.changed();
  }

  /** @param {Uint8Array} pixels */
  set(pixels) {
    this.pixels = pixels;
    this.refresh();
    this.changed();
  }

  refresh() {
    show(this.canvas, this.pixels, SIDE);
    if (document.activeElement !== this.canvas || !this.canvas.matches(":focus-visible")) return;
    // The pen's place, for keys.
    const context = surface(this.canvas);
    context.fillStyle = "#ff9a4d";
    context.fillRect(Math.floor(this.pen.x), Math.floor(this.pen.y), 1, 1);
  }
}

/** A picture file as 28 × 28 shades: fitted in, and turned over where its ground is light. @param {Blob} file */
export async function pictureOf(file) {
  const picture = await createImageBitmap(file);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = surface(canvas, { willReadFrequently: true });
  const scale = SIDE / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  context.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  const rgba = context.getImageData(0, 0, SIDE, SIDE).data;
  const shades = new Uint8Array(SIDE * SIDE);
  shades.forEach((_, place) => {
    const [red, green, blue] = rgba.subarray(4 * place, 4 * place + 3);
    shades[place] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
  });
  const edge = [...shades].filter((_, place) => place < SIDE || place >= SIDE * (SIDE - 1) || place % SIDE === 0 || place % SIDE === SIDE - 1);
  const isLight = edge.reduce((sum, shade) => sum + shade, 0) / edge.length > 127;
  return isLight ? shades.map((shade) => 255 - shade) : shades;
}
