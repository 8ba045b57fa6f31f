// Prediction: a drawing, and the two networks that answer it.

import { showActivations, showBars, showDevices, SLOTS } from "./answers.js";
import { Drawing, pictureOf, SIDE } from "./drawing.js";
import { at, attempt, box, input, percent, select, wordsOf } from "./elements.js";
import { bytesOf } from "./site.js";
import { Model } from "./wasm/web.js";

/** @typedef {import("./answers.js").Slot} Slot */
/** @typedef {import("./site.js").Site} Site */

/** The value of the choice that takes the model trained in this page. */
const TRAINED = "trained";

/** The drawing and the networks. */
export class Prediction {
  /** @param {Site} site */
  constructor(site) {
    this.site = site;
    /** @type {Record<Slot, Model | null>} */
    this.networks = { float: null, integers: null };
    /** The weight file of the model trained in this page. @type {Uint8Array | null} */
    this.trained = null;
    select("model").append(...site.models.map(({ name, layers }) => new Option(`${name}: ${layers.replaceAll("=>", "→")}`, name)));
    this.drawing = new Drawing(at("drawing", HTMLCanvasElement), () => input("shade").valueAsNumber, () => attempt(() => this.predict()));
  }

  /** @param {Slot} slot @param {Model | null} model */
  put(slot, model) {
    this.networks[slot]?.free();
    this.networks[slot] = model;
  }

  /** Takes the networks that are chosen by name. */
  async useChosen() {
    const name = select("model").value;
    if (name === TRAINED && this.trained) {
      this.put("float", new Model(this.trained));
      this.put("integers", null);
    } else {
      const chosen = this.site.models.find((model) => model.name === name) ?? this.site.models[0];
      const [float, integers] = await Promise.all([bytesOf(chosen.float), bytesOf(chosen.integers)]);
      this.put("float", new Model(float));
      this.put("integers", new Model(integers));
    }
    this.showAll();
  }

  /** Takes the model that a run of this page ended with. @param {Uint8Array} file */
  async useTrained(file) {
    this.trained = file;
    const choice = select("model");
    if (!choice.querySelector(`[value=${TRAINED}]`)) choice.append(new Option("trained in this page", TRAINED));
    choice.value = TRAINED;
    await this.useChosen();
  }

  showAll() {
    showDevices(this.site, this.networks.float?.layers);
    this.predict();
  }

  /** Shows the networks' answers to the drawing. */
  predict() {
    const { pixels } = this.drawing;
    /** @type {Partial<Record<Slot, Float32Array>>} */
    const probabilities = {};
    const said = [];
    for (const slot of SLOTS) {
      const network = this.networks[slot];
      if (!network) continue;
      const index = network.predict(pixels);
      const parts = network.probabilities;
      probabilities[slot] = parts;
      said.push(`${network.format}: ${this.className(index)}, ${percent(parts[index])}`);
    }
    const classes = (this.networks.float ?? this.networks.integers)?.classes ?? [];
    showBars(classes.map((_, index) => this.className(index)), probabilities);
    const isEmpty = pixels.every((pixel) => pixel === 0);
    box("answer").textContent = isEmpty ? "The drawing is empty: draw something, or take a sample." : said.join(". ");
    showActivations(this.networks.float ?? this.networks.integers, pixels);
  }

  /** A class's name: the network's file has it, or else the data. @param {number} index */
  className(index) {
    const known = SLOTS.map((slot) => this.networks[slot]?.classes[index]);
    return known.find((text) => text !== undefined && text !== String(index)) ?? this.site.data.classes[index] ?? String(index);
  }

  /** Reads a network's file into the chosen place. @param {File} file */
  async readNetwork(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let model;
    try {
      model = new Model(bytes);
    } catch (error) {
      throw new Error(`${file.name}: ${wordsOf(error)}`);
    }
    const slot = select("slot").value === "float" ? "float" : "integers";
    if (model.sampleBytes !== SIDE * SIDE) throw new Error(`${file.name}: the network takes samples of ${model.sampleBytes} bytes, and this page draws 28×28 pixels`);
    if ((slot === "float") !== (model.format === "float32")) throw new Error(`${file.name}: this network's weights are ${model.format}; choose the other place for it`);
    const other = slot === "float" ? "integers" : "float";
    if (this.networks[other]?.classes.length !== model.classes.length) this.put(other, null);
    this.put(slot, model);
    this.showAll();
  }

  /** Draws a picture file. @param {File} file */
  async usePicture(file) {
    let pixels;
    try {
      pixels = await pictureOf(file);
    } catch {
      throw new Error(`${file.name}: the browser reads no picture from this file`);
    }
    this.drawing.set(pixels);
  }
}
