// The page: prediction here, training in a worker.

import { draw as drawChart } from "./chart.js";
import { Drawing, pictureOf, show, SIDE } from "./drawing.js";
import start, { Model, Samples } from "./wasm/web.js";

/** An element by its id. @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);

const SHOWN_SAMPLES = 18;
const LAYERS_OF_TINY = "784 => 16 Relu => 10";

/** What the folder was made with: site.json. @type {any} */
let site;
/** The two networks that answer. @type {Record<"float" | "integers", any>} */
const networks = { float: null, integers: null };
/** The files of both parts, as they were read, and the test part's samples. */
const parts = { train: { name: "", samples: null, labels: null, count: 0, isOwn: false }, test: { name: "", samples: null, labels: null, count: 0, isOwn: false } };
let testSamples = null;
let firstShown = 0;
let drawing;
let worker = null;
let trained = null;

function fail(error) {
  at("error").hidden = false;
  at("error").textContent = `Error: ${error.message ?? error}`;
}

/** Runs what may fail, and shows why it did. */
async function attempt(what) {
  at("error").hidden = true;
  try {
    return await what();
  } catch (error) {
    fail(error);
    return undefined;
  }
}

async function bytesOf(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} did not load: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function element(name, attributes = {}, text = "") {
  const made = Object.assign(document.createElement(name), attributes);
  if (text) made.textContent = text;
  return made;
}

// Prediction

function put(slot, model) {
  networks[slot]?.free();
  networks[slot] = model;
}

async function useNamed(name) {
  if (name === "trained") {
    put("float", new Model(trained.file));
    put("integers", null);
  } else {
    const chosen = site.models.find((model) => model.name === name);
    const files = await Promise.all([bytesOf(chosen.float), bytesOf(chosen.integers)]);
    put("float", new Model(files[0]));
    put("integers", new Model(files[1]));
  }
  showDevices();
  predict();
}

function predict() {
  const answers = {};
  for (const slot of ["float", "integers"]) {
    const network = networks[slot];
    if (!network) continue;
    const index = network.predict(drawing.pixels);
    const probabilities = network.probabilities;
    answers[slot] = { format: network.format, name: className(index), probability: probabilities[index], probabilities };
  }
  showBars(answers);
  const isEmpty = drawing.pixels.every((pixel) => pixel === 0);
  const said = Object.values(answers).map(({ format, name, probability }) => `${format}: ${name}, ${percent(probability)}`);
  at("answer").textContent = isEmpty ? "The drawing is empty: draw something, or take a sample." : said.join(". ");
  showActivations();
}

/** A class's name: the network's file has it, or else the data. @param {number} index */
function className(index) {
  const known = [networks.float, networks.integers].map((network) => network?.classes[index]);
  const isName = (text) => text !== undefined && text !== String(index);
  return known.find(isName) ?? site.data.classes[index] ?? String(index);
}

const percent = (part) => `${(100 * part).toFixed(1)}%`;

function showBars(answers) {
  const count = (networks.float ?? networks.integers)?.classes.length ?? 0;
  const body = at("bars").tBodies[0];
  if (body.rows.length !== count) {
    body.replaceChildren(...Array.from({ length: count }, () => {
      const row = element("tr");
      row.append(element("th", { scope: "row" }), bar("float"), bar("integer"));
      return row;
    }));
  }
  for (let index = 0; index < count; index++) {
    const [heading, ...cells] = body.rows[index].cells;
    heading.textContent = className(index);
    ["float", "integers"].forEach((slot, place) => {
      const part = answers[slot]?.probabilities[index];
      const [filled, text] = cells[place].firstChild.children;
      filled.style.width = `${100 * (part ?? 0)}%`;
      text.textContent = part === undefined ? "–" : percent(part);
    });
  }
}

function bar(kind) {
  const cell = element("td");
  const both = element("div", { className: "bar" });
  both.append(element("span", { className: `${kind}-bar` }), element("span"));
  cell.append(both);
  return cell;
}

function showActivations() {
  const network = networks.float;
  const all = network ? [{ name: "input", values: Float32Array.from(drawing.pixels), width: SIDE }] : [];
  for (let layer = 0; network && layer < network.activationCount; layer++) {
    const values = network.activations(layer);
    const isLast = layer + 1 === network.activationCount;
    all.push({ name: isLast ? "logits" : `after layer ${layer + 1}`, values, width: isLast ? values.length : Math.ceil(Math.sqrt(values.length)) });
  }
  const shown = at("activations");
  if (shown.children.length !== all.length) {
    shown.replaceChildren(...all.map(() => {
      const figure = element("figure");
      const canvas = element("canvas");
      canvas.setAttribute("role", "img");
      figure.append(canvas, element("figcaption"));
      return figure;
    }));
  }
  all.forEach(({ name, values, width }, place) => {
    const [canvas, caption] = shown.children[place].children;
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const low = Math.min(least, 0);
    const shades = Uint8Array.from(values, (value) => (most > low ? (255 * (value - low)) / (most - low) : 0));
    show(canvas, shades, width);
    const words = `${name}: ${values.length} numbers, ${least.toFixed(1)} (dark) to ${most.toFixed(1)} (bright)`;
    canvas.setAttribute("aria-label", words);
    caption.textContent = words;
  });
}

function showDevices() {
  const layers = networks.float?.layers;
  const name = layers === LAYERS_OF_TINY ? "tiny" : site.models.find((model) => model.layers === layers)?.name;
  const rows = site.instructions.filter((row) => row.model === name);
  const shown = at("devices");
  if (rows.length === 0) {
    shown.replaceChildren(element("p", {}, "No board was measured with this network."));
    return;
  }
  const formats = ["f32", "f16", "int8", "int4"];
  const table = element("table");
  const head = table.createTHead().insertRow();
  for (const heading of ["board", ...formats]) head.append(element("th", { scope: "col" }, heading));
  const body = table.createTBody();
  for (const board of new Set(rows.map((row) => row.board))) {
    const line = body.insertRow();
    line.append(element("th", { scope: "row" }, board));
    for (const format of formats) {
      const found = rows.find((row) => row.board === board && row.format === format);
      line.insertCell().textContent = found ? found.instructions.toLocaleString("en") : "–";
    }
  }
  shown.replaceChildren(element("p", { className: "quiet" }, `Instructions of one prediction by ${name}, counted in the emulator, mean of 100 samples.`), table);
}

// Samples

function showSamples() {
  const shown = at("samples");
  shown.replaceChildren();
  for (let place = 0; place < Math.min(SHOWN_SAMPLES, testSamples.count); place++) {
    const index = (firstShown + place) % testSamples.count;
    const label = className(testSamples.label(index));
    const button = element("button", { type: "button", title: `Test sample ${index + 1}: ${label}` });
    button.setAttribute("aria-label", `Test sample ${index + 1}: ${label}`);
    const canvas = element("canvas");
    canvas.setAttribute("aria-hidden", "true");
    show(canvas, testSamples.sample(index), SIDE);
    button.append(canvas);
    button.addEventListener("click", () => {
      drawing.set(testSamples.sample(index));
      for (const other of shown.children) other.setAttribute("aria-pressed", String(other === button));
    });
    shown.append(button);
  }
}

function useTest() {
  const read = new Samples(parts.test.samples, parts.test.labels, 0);
  requireImages(read);
  testSamples?.free();
  testSamples = read;
  firstShown = 0;
  showSamples();
}

function requireImages(samples) {
  const pixels = samples.sizes.reduce((product, size) => product * size, 1);
  if (pixels !== SIDE * SIDE) throw new Error(`a sample has ${pixels} values, and this page takes images of 28×28`);
}

function sayData() {
  const words = (part) => `${parts[part].count.toLocaleString("en")} samples of ${parts[part].name}`;
  at("data-state").textContent = `The page trains on ${words("train")}, and tests on ${words("test")}.`;
}

async function readData() {
  const [samples, labels] = await Promise.all(["data-samples", "data-labels"].map(async (id) => {
    const file = at(id).files[0];
    if (!file) throw new Error("choose a file of samples and a file of labels");
    return new Uint8Array(await file.arrayBuffer());
  }));
  const read = new Samples(samples, labels, 0);
  requireImages(read);
  const part = at("data-part").value;
  parts[part] = { name: at("data-samples").files[0].name, samples, labels, count: read.count, isOwn: true };
  read.free();
  if (part === "test") useTest();
  else at("limit").value = at("limit").max = parts.train.count;
  sayData();
  showCommand();
}

// Training

function options() {
  const number = (id) => at(id).valueAsNumber;
  return { model: at("train-model").value, seed: number("seed"), limit: number("limit"), epochs: number("epochs"), batch: number("batch"), rate: number("rate") };
}

function showCommand() {
  const { model, seed, limit, epochs, batch, rate } = options();
  const data = parts.train.isOwn ? " --data DIR" : site.data.option;
  at("command").textContent = `cargo xtask train --recipe quickstart --model ${model} --seed ${seed} --epochs ${epochs} --batch-size ${batch} --lr ${rate} --limit-train ${limit}${data}`;
}

/** The hash and the speed of the command line, where the folder was made with these settings. */
function nativeRun(asked) {
  const same = ["seed", "limit", "epochs", "batch", "rate"].every((key) => asked[key] === site.training[key]);
  return same && !parts.train.isOwn ? site.native[asked.model] : undefined;
}

function train() {
  const asked = options();
  const losses = [];
  worker?.terminate();
  worker = new Worker("worker.js", { type: "module" });
  at("start").disabled = true;
  at("stop").disabled = false;
  at("result").hidden = true;
  at("verdict").textContent = "";
  at("progress").textContent = "Training begins.";
  const end = () => {
    at("start").disabled = false;
    at("stop").disabled = true;
  };
  worker.addEventListener("error", (event) => {
    fail(new Error(event.message || "the worker did not start"));
    end();
  });
  worker.addEventListener("message", ({ data }) => {
    if (data.kind === "progress") {
      losses.push(...data.losses);
      drawChart(at("loss"), losses, data.total);
      at("progress").textContent = `Step ${data.steps.toLocaleString("en")} of ${data.total.toLocaleString("en")}, ${speed(data.steps, asked.batch, data.seconds)}`;
    } else if (data.kind === "end") {
      end();
      ended(asked, data);
    } else {
      fail(new Error(data.text));
      at("progress").textContent = "The run ended with an error.";
      end();
    }
  });
  const { train: { samples, labels }, test } = parts;
  worker.postMessage({ kind: "train", options: asked, samples, labels, testSamples: test.samples, testLabels: test.labels });
}

const speed = (steps, batch, seconds) => `${Math.round((steps * batch) / seconds).toLocaleString("en")} samples/s`;

function ended(asked, { hash, file, accuracy, seconds, steps, total, isWhole }) {
  const native = isWhole ? nativeRun(asked) : undefined;
  at("result").hidden = false;
  at("page-hash").textContent = hash;
  at("native-hash").textContent = native?.hash ?? "not known here";
  at("speed").textContent = `${speed(steps, asked.batch, seconds)} in this page${native ? `, ${Math.round(native.samples_per_second).toLocaleString("en")} samples/s by the command line where this folder was made` : ""}`;
  at("accuracy").textContent = percent(accuracy);
  at("progress").textContent = isWhole ? `Trained: ${total.toLocaleString("en")} steps in ${seconds.toFixed(1)} s.` : `Stopped after ${steps.toLocaleString("en")} of ${total.toLocaleString("en")} steps.`;
  const verdict = at("verdict");
  verdict.className = native ? (native.hash === hash ? "good" : "bad") : "";
  if (!isWhole) verdict.textContent = "A run that was stopped has no hash to compare with.";
  else if (!native) verdict.textContent = "Run the command below: it ends with the same hash.";
  else verdict.textContent = native.hash === hash ? "Equal: the command line and this page trained the same weights, bit for bit." : "Different: the command line has other weights. That is a fault; please report it.";
  trained = { file, name: `${asked.model}.selvedge` };
  at("save").disabled = false;
  const select = at("model");
  if (!select.querySelector("[value=trained]")) select.append(new Option("trained in this page", "trained"));
  select.value = "trained";
  attempt(() => useNamed("trained"));
}

function save() {
  const link = element("a", { href: URL.createObjectURL(new Blob([trained.file])), download: trained.name });
  link.click();
  URL.revokeObjectURL(link.href);
}

// Files

/** Handles a chosen file, whose input may then choose the same one again. */
function onFile(id, what) {
  at(id).addEventListener("change", () => attempt(async () => {
    const file = at(id).files[0];
    if (!file) return;
    try {
      await what(file);
    } finally {
      at(id).value = "";
    }
  }));
}

async function readNetwork(file) {
  let model;
  try {
    model = new Model(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    throw new Error(`${file.name}: ${error.message}`);
  }
  const slot = at("slot").value;
  if (model.sampleBytes !== SIDE * SIDE) throw new Error(`${file.name}: the network takes samples of ${model.sampleBytes} bytes, and this page draws 28×28 pixels`);
  if ((slot === "float") !== (model.format === "float32")) throw new Error(`${file.name}: this network's weights are ${model.format}; choose the other place for it`);
  const other = slot === "float" ? "integers" : "float";
  if (networks[other] && networks[other].classes.length !== model.classes.length) put(other, null);
  put(slot, model);
  showDevices();
  predict();
}

async function usePicture(file) {
  let pixels;
  try {
    pixels = await pictureOf(file);
  } catch {
    throw new Error(`${file.name}: the browser reads no picture from this file`);
  }
  drawing.set(pixels);
}

async function load() {
  const [answer] = await Promise.all([fetch("site.json"), start()]);
  if (!answer.ok) throw new Error(`site.json did not load: ${answer.status}`);
  site = await answer.json();
  await Promise.all(["train", "test"].map(async (part) => {
    const { samples, labels, count } = site.data[part];
    const files = await Promise.all([bytesOf(samples), bytesOf(labels)]);
    parts[part] = { name: site.data.name, samples: files[0], labels: files[1], count, isOwn: false };
  }));
  at("model").append(...site.models.map(({ name, layers }) => new Option(`${name}: ${layers.replaceAll("=>", "→")}`, name)));
  drawing = new Drawing(at("drawing"), () => at("shade").valueAsNumber, () => attempt(predict));
  await useNamed(site.models[0].name);
  useTest();
  drawing.set(testSamples.sample(0));
  for (const key of ["seed", "limit", "epochs", "batch", "rate"]) at(key).value = site.training[key];
  at("limit").max = parts.train.count;
  sayData();
  showCommand();
  drawChart(at("loss"), [], site.training.epochs * Math.ceil(site.training.limit / site.training.batch));
}

function listen() {
  at("model").addEventListener("change", () => attempt(() => useNamed(at("model").value)));
  at("clear").addEventListener("click", () => drawing.set(new Uint8Array(SIDE * SIDE)));
  at("more").addEventListener("click", () => {
    firstShown = (firstShown + SHOWN_SAMPLES) % testSamples.count;
    showSamples();
  });
  onFile("picture", usePicture);
  onFile("network", readNetwork);
  at("data-read").addEventListener("click", () => attempt(readData));
  at("training").addEventListener("input", showCommand);
  at("training").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(train);
  });
  at("stop").addEventListener("click", () => worker?.postMessage({ kind: "stop" }));
  at("save").addEventListener("click", save);
  const picture = at("drawing");
  picture.addEventListener("dragover", (event) => event.preventDefault());
  picture.addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) attempt(() => usePicture(file));
  });
}

attempt(async () => {
  await load();
  listen();
  at("state").hidden = true;
  document.body.dataset.ready = "yes";
});
