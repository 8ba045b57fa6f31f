// Training: the form, the worker that trains, and what came of it.

import { draw as drawChart } from "./chart.js";
import { at, attempt, box, button, element, fail, grouped, input, percent, select } from "./elements.js";

/** @typedef {import("./data.js").Data} Data */
/** @typedef {import("./prediction.js").Prediction} Prediction */
/** @typedef {import("./site.js").Settings} Settings */
/** @typedef {import("./site.js").Site} Site */
/** @typedef {import("./worker.js").FormValues} FormValues */
/** @typedef {import("./worker.js").End} End */
/** @typedef {import("./worker.js").Order} Order */
/** @typedef {import("./worker.js").Said} Said */

/** The fields that take numbers beside the learning rate, by their ids. @type {readonly Exclude<keyof Settings, "rate">[]} */
const FIELDS = ["seed", "limit", "epochs", "batch"];

/** The form, and the run. */
export class TrainingForm {
  /** @param {Site} site @param {Data} data @param {Prediction} prediction */
  constructor(site, data, prediction) {
    this.site = site;
    this.data = data;
    this.prediction = prediction;
    /** @type {Worker | null} */
    this.worker = null;
    /** The last run's weight file, and a name for it. @type {{ file: Uint8Array, name: string } | null} */
    this.trained = null;
    for (const field of FIELDS) input(field).value = String(site.training[field]);
    input("limit").max = String(data.parts.train.count);
    this.proposeRate();
    drawChart(at("loss", SVGElement), [], site.training.epochs * Math.ceil(site.training.limit / site.training.batch));
  }

  /** Fills in the chosen recipe's own learning rate. */
  proposeRate() {
    input("rate").value = String(this.site.training.rates[chosenRecipe()]);
    this.showCommand();
  }

  /** @returns {FormValues} */
  options() {
    /** @param {keyof Settings} field */
    const number = (field) => input(field).valueAsNumber;
    return { model: select("train-model").value, recipe: chosenRecipe(), seed: number("seed"), limit: number("limit"), epochs: number("epochs"), batch: number("batch"), rate: number("rate") };
  }

  /** Shows the command line of the run that the form asks for. */
  showCommand() {
    const { model, recipe, seed, limit, epochs, batch, rate } = this.options();
    const data = this.data.parts.train.isOwn ? " --data DIR" : this.site.data.option;
    box("command").textContent = `cargo xtask train --recipe ${recipe} --model ${model} --seed ${seed} --epochs ${epochs} --batch-size ${batch} --lr ${rate} --limit-train ${limit}${data}`;
  }

  /** The hash and the speed of the command line, where the folder was made with these settings. @param {FormValues} asked */
  nativeRun(asked) {
    const { training, native } = this.site;
    const isSame = asked.rate === training.rates[asked.recipe] && FIELDS.every((field) => asked[field] === training[field]);
    return isSame && !this.data.parts.train.isOwn ? native[asked.recipe][asked.model] : undefined;
  }

  /** Begins a run. */
  start() {
    const asked = this.options();
    /** @type {number[]} */
    const losses = [];
    this.worker?.terminate();
    const worker = new Worker("worker.js", { type: "module" });
    this.worker = worker;
    setRunning(true);
    box("result").hidden = true;
    box("verdict").textContent = "";
    box("progress").textContent = "Training begins.";
    worker.addEventListener("error", (event) => {
      fail(new Error(event.message || "the worker did not start"));
      setRunning(false);
    });
    worker.addEventListener("message", (/** @type {MessageEvent<Said>} */ { data: said }) => {
      if (said.kind === "progress") {
        losses.push(...said.losses);
        drawChart(at("loss", SVGElement), losses, said.total);
        box("progress").textContent = `Step ${grouped(said.steps)} of ${grouped(said.total)}, ${speed(said.steps, asked.batch, said.seconds)}`;
        return;
      }
      setRunning(false);
      if (said.kind === "end") this.end(asked, said);
      else {
        fail(new Error(said.text));
        box("progress").textContent = "The run ended with an error.";
      }
    });
    const { train, test } = this.data.parts;
    /** @type {Order} */
    const order = { kind: "train", options: asked, samples: train.samples, labels: train.labels, testSamples: test.samples, testLabels: test.labels };
    worker.postMessage(order);
  }

  /** Asks the run to end. */
  stop() {
    this.worker?.postMessage({ kind: "stop" });
  }

  /** Shows how a run ended, and takes its model. @param {FormValues} asked @param {End} end */
  end(asked, { hash, file, accuracy, seconds, steps, total, isWhole }) {
    const native = isWhole ? this.nativeRun(asked) : undefined;
    box("result").hidden = false;
    box("page-hash").textContent = hash;
    box("native-hash").textContent = native?.hash ?? "not known here";
    const natively = native ? `, ${grouped(native.samples_per_second)} samples/s by the command line where this folder was made` : "";
    box("speed").textContent = `${speed(steps, asked.batch, seconds)} in this page${natively}`;
    box("accuracy").textContent = percent(accuracy);
    box("progress").textContent = isWhole ? `Trained: ${grouped(total)} steps in ${seconds.toFixed(1)} s.` : `Stopped after ${grouped(steps)} of ${grouped(total)} steps.`;
    const verdict = box("verdict");
    verdict.className = native ? (native.hash === hash ? "good" : "bad") : "";
    if (!isWhole) verdict.textContent = "A run that was stopped has no hash to compare with.";
    else if (!native) verdict.textContent = "Run the command below: it ends with the same hash.";
    else verdict.textContent = native.hash === hash ? "Equal: the command line and this page trained the same weights, bit for bit." : "Different: the command line has other weights. That is a fault; please report it.";
    this.trained = { file, name: `${asked.model}.selvedge` };
    button("save").disabled = false;
    attempt(() => this.prediction.useTrained(file));
  }

  /** Gives the weight file to the person. */
  save() {
    if (!this.trained) return;
    const { file, name } = this.trained;
    const link = element("a", { href: URL.createObjectURL(new Blob([new Uint8Array(file)])), download: name });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

/** The recipe that the form names. */
const chosenRecipe = () => (select("recipe").value === "fast" ? "fast" : "quickstart");

/** @param {boolean} isRunning */
function setRunning(isRunning) {
  button("start").disabled = isRunning;
  button("stop").disabled = !isRunning;
}

/** @param {number} steps @param {number} batch @param {number} seconds */
const speed = (steps, batch, seconds) => `${grouped((steps * batch) / seconds)} samples/s`;
