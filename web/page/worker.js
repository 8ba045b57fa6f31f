// Trains beside the page, so that the page answers meanwhile.

import start, { Model, Samples, Training } from "./wasm/web.js";

// Between two messages to the page, in milliseconds.
const SLICE = 60;
let isStopped = false;

self.addEventListener("message", async ({ data }) => {
  if (data.kind === "stop") isStopped = true;
  else
    try {
      await train(data);
    } catch (error) {
      self.postMessage({ kind: "error", text: error.message ?? String(error) });
    }
});

async function train({ options, samples, labels, testSamples, testLabels }) {
  isStopped = false;
  await start();
  const data = new Samples(samples, labels, options.limit);
  const training = new Training(options.model, data, options.seed, options.epochs, options.batch, options.rate);
  const total = training.totalSteps;
  let seconds = 0;
  while (!training.isDone && !isStopped) {
    const losses = [];
    const begun = performance.now();
    while (!training.isDone && performance.now() - begun < SLICE) losses.push(training.step());
    seconds += (performance.now() - begun) / 1000;
    self.postMessage({ kind: "progress", losses, total, steps: training.steps, seconds });
    // Lets the message to stop come in.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const file = training.file();
  const model = new Model(file);
  const accuracy = model.accuracy(new Samples(testSamples, testLabels, 0));
  const hash = training.weightHash;
  self.postMessage({ kind: "end", hash, file, accuracy, seconds, steps: training.steps, total, isWhole: training.isDone });
}
