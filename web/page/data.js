// The samples that the page trains on and tests with.

import { show, SIDE } from "./drawing.js";
import { box, chosenFile, element, grouped, input, select } from "./elements.js";
import { bytesOf } from "./site.js";
import { Samples } from "./wasm/web.js";

/** @typedef {import("./prediction.js").Prediction} Prediction */
/** @typedef {import("./site.js").PartName} PartName */
/** @typedef {import("./site.js").Site} Site */

/**
 * A part: the bytes of its two files.
 * @typedef {object} Part
 * @property {string} name
 * @property {Uint8Array} samples
 * @property {Uint8Array} labels
 * @property {number} count
 * @property {boolean} isOwn read by the person, and not the folder's
 */

const SHOWN_SAMPLES = 18;

/** Both parts, and the test samples that are shown. */
export class Data {
  /** @param {Record<PartName, Part>} parts @param {Prediction} prediction */
  constructor(parts, prediction) {
    this.parts = parts;
    this.prediction = prediction;
    this.test = readImages(parts.test);
    this.firstShown = 0;
    this.showSamples();
    this.say();
  }

  /** Loads the folder's own samples. @param {Site} site @param {Prediction} prediction */
  static async load({ data }, prediction) {
    /** @param {PartName} name @returns {Promise<Part>} */
    const load = async (name) => {
      const [samples, labels] = await Promise.all([bytesOf(data[name].samples), bytesOf(data[name].labels)]);
      return { name: data.name, samples, labels, count: data[name].count, isOwn: false };
    };
    const [train, test] = await Promise.all([load("train"), load("test")]);
    return new Data({ train, test }, prediction);
  }

  /** Draws a test sample. @param {number} index */
  draw(index) {
    this.prediction.drawing.set(this.test.sample(index));
  }

  /** Shows the next test samples. */
  showMore() {
    this.firstShown = (this.firstShown + SHOWN_SAMPLES) % this.test.count;
    this.showSamples();
  }

  showSamples() {
    const shown = box("samples");
    const { test, prediction } = this;
    shown.replaceChildren(...Array.from({ length: Math.min(SHOWN_SAMPLES, test.count) }, (_, offset) => {
      const index = (this.firstShown + offset) % test.count;
      const words = `Test sample ${index + 1}: ${prediction.className(test.label(index))}`;
      const sample = element("button", { type: "button", title: words });
      sample.setAttribute("aria-label", words);
      const canvas = element("canvas");
      canvas.setAttribute("aria-hidden", "true");
      show(canvas, test.sample(index), SIDE);
      sample.append(canvas);
      sample.addEventListener("click", () => {
        this.draw(index);
        for (const other of shown.children) other.setAttribute("aria-pressed", String(other === sample));
      });
      return sample;
    }));
  }

  say() {
    /** @param {PartName} name */
    const words = (name) => `${grouped(this.parts[name].count)} samples of ${this.parts[name].name}`;
    box("data-state").textContent = `The page trains on ${words("train")}, and tests on ${words("test")}.`;
  }

  /** Reads the two chosen files as a part. */
  async read() {
    const files = [chosenFile("data-samples"), chosenFile("data-labels")];
    const [samples, labels] = await Promise.all(files.map(async (file) => {
      if (!file) throw new Error("choose a file of samples and a file of labels");
      return new Uint8Array(await file.arrayBuffer());
    }));
    const part = { name: files[0]?.name ?? "", samples, labels, count: 0, isOwn: true };
    const read = readImages(part);
    part.count = read.count;
    if (select("data-part").value === "test") {
      this.parts.test = part;
      this.test.free();
      this.test = read;
      this.firstShown = 0;
      this.showSamples();
    } else {
      read.free();
      this.parts.train = part;
      input("limit").value = input("limit").max = String(part.count);
    }
    this.say();
  }
}

/** A part's samples, which must be images of the drawing's size. @param {Part} part */
function readImages({ samples, labels }) {
  const read = new Samples(samples, labels, 0);
  const pixels = read.sizes.reduce((product, size) => product * size, 1);
  if (pixels !== SIDE * SIDE) throw new Error(`a sample has ${pixels} values, and this page takes images of 28×28`);
  return read;
}
