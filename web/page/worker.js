// Trains beside the page, so that the page answers meanwhile.

import { wordsOf } from "./elements.js";
import start, { Model, Samples, TrainingRun } from "./wasm/web.js";

/** The form's values. @typedef {import("./site.js").Settings & { model: string, recipe: import("./site.js").Recipe }} FormValues */
/**
 * The page's message that begins a run: the bytes of four IDX files.
 * @typedef {object} Order
 * @property {"train"} kind
 * @property {FormValues} options
 * @property {Uint8Array} samples
 * @property {Uint8Array} labels
 * @property {Uint8Array} testSamples
 * @property {Uint8Array} testLabels
 */
/** The losses since the last message. @typedef {{ kind: "progress", losses: number[], total: number, steps: number, seconds: number }} Progress */
/** @typedef {{ kind: "end", hash: string, file: Uint8Array, accuracy: number, seconds: number, steps: number, total: number, isWhole: boolean }} End */
/** A message to the page. @typedef {Progress | End | { kind: "error", text: string }} Said */

// Between two messages to the page, in milliseconds.
const SLICE = 60;
let isStopped = false;

/** @param {Said} message */
const say = (message) => self.postMessage(message);

self.addEventListener("message", async (/** @type {MessageEvent<Order | { kind: "stop" }>} */ { data }) => {
  if (data.kind === "stop") isStopped = true;
  else
    try {
      await train(data);
    } catch (error) {
      say({ kind: "error", text: wordsOf(error) });
    }
});

/** @param {Order} order */
async function train({ options, samples, labels, testSamples, testLabels }) {
  isStopped = false;
  await start();
  const data = new Samples(samples, labels, options.limit);
  const { model, recipe, seed, epochs, batch, rate } = options;
  const training = new TrainingRun(model, recipe, data, seed, epochs, batch, rate);
  const total = training.totalSteps;
  let seconds = 0;
  while (!training.isDone && !isStopped) {
    const losses = [];
    const begun = performance.now();
    while (!training.isDone && performance.now() - begun < SLICE) losses.push(training.step());
    seconds += (performance.now() - begun) / 1000;
    say({ kind: "progress", losses, total, steps: training.steps, seconds });
    // Lets the message to stop come in.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const file = training.file();
  const accuracy = new Model(file).accuracy(new Samples(testSamples, testLabels, 0));
  const hash = training.weightHash;
  say({ kind: "end", hash, file, accuracy, seconds, steps: training.steps, total, isWhole: training.isDone });
}
