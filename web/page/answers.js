// The answers of the networks as they are seen: bars, pictures of activations, and a table of boards.

import { show, SIDE } from "./drawing.js";
import { at, box, element, percent } from "./elements.js";

/** @typedef {import("./site.js").Site} Site */
/** @typedef {import("./wasm/web.js").Model} Model */
/** The place of a network: float32, or integers. @typedef {"float" | "integers"} Slot */

/** @type {readonly Slot[]} */
export const SLOTS = ["float", "integers"];
const LAYERS_OF_TINY = "784 => 16 Relu => 10";
const FORMATS = ["f32", "f16", "int8", "int4"];

/**
 * Shows each class's probabilities.
 * @param {string[]} names of the classes
 * @param {Partial<Record<Slot, Float32Array>>} probabilities
 */
export function showBars(names, probabilities) {
  const body = at("bars", HTMLTableElement).tBodies[0];
  if (body.rows.length !== names.length) {
    body.replaceChildren(...names.map(() => {
      const row = element("tr");
      row.append(element("th", { scope: "row" }), bar("float-bar"), bar("integer-bar"));
      return row;
    }));
  }
  names.forEach((name, index) => {
    const { cells } = body.rows[index];
    cells[0].textContent = name;
    SLOTS.forEach((slot, column) => {
      const part = probabilities[slot]?.[index];
      const [filled, text] = cells[1 + column].querySelectorAll("span");
      filled.style.width = `${100 * (part ?? 0)}%`;
      text.textContent = part === undefined ? "–" : percent(part);
    });
  });
}

/** @param {string} kind */
function bar(kind) {
  const cell = element("td");
  const both = element("div", { className: "bar" });
  both.append(element("span", { className: kind }), element("span"));
  cell.append(both);
  return cell;
}

/**
 * Shows a sample, and the outputs of each layer for it.
 * @param {Model | null} network
 * @param {Uint8Array} pixels
 */
export function showActivations(network, pixels) {
  /** @type {{ name: string, values: Float32Array, width: number }[]} */
  const all = network ? [{ name: "input", values: Float32Array.from(pixels), width: SIDE }] : [];
  for (let layer = 0; network && layer < network.activationCount; layer++) {
    const values = network.activations(layer);
    const isLast = layer + 1 === network.activationCount;
    all.push({ name: isLast ? "logits" : `after layer ${layer + 1}`, values, width: isLast ? values.length : Math.ceil(Math.sqrt(values.length)) });
  }
  box("activations-title").textContent = network ? `Activations in ${network.format}` : "Activations";
  box("activations").replaceChildren(...all.map(({ name, values, width }) => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const low = Math.min(least, 0);
    const words = `${name}: ${values.length} numbers, ${least.toFixed(1)} (dark) to ${most.toFixed(1)} (bright)`;
    const canvas = element("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", words);
    show(canvas, Uint8Array.from(values, (value) => (most > low ? (255 * (value - low)) / (most - low) : 0)), width);
    const figure = element("figure");
    figure.append(canvas, element("figcaption", {}, words));
    return figure;
  }));
}

/**
 * Shows the instructions that a prediction takes on each board.
 * @param {Site} site
 * @param {string | undefined} layers of the network
 */
export function showDevices(site, layers) {
  const name = layers === LAYERS_OF_TINY ? "tiny" : site.models.find((model) => model.layers === layers)?.name;
  const rows = site.instructions.filter((row) => row.model === name);
  const shown = box("devices");
  if (rows.length === 0) {
    shown.replaceChildren(element("p", {}, "No board was measured with this network."));
    return;
  }
  const table = element("table");
  const head = table.createTHead().insertRow();
  for (const heading of ["board", ...FORMATS]) head.append(element("th", { scope: "col" }, heading));
  const body = table.createTBody();
  for (const board of new Set(rows.map((row) => row.board))) {
    const line = body.insertRow();
    line.append(element("th", { scope: "row" }, board));
    for (const format of FORMATS) {
      const found = rows.find((row) => row.board === board && row.format === format);
      line.insertCell().textContent = found ? found.instructions.toLocaleString("en") : "–";
    }
  }
  shown.replaceChildren(element("p", { className: "quiet" }, `Instructions of one prediction by ${name}, counted in the emulator, mean of 100 samples.`), table);
}
