// The page: loads the folder's files, and connects each control with what it does.

import { Data } from "./data.js";
import { SIDE } from "./drawing.js";
import { at, attempt, box, button, chosenFile, input, select } from "./elements.js";
import { Prediction } from "./prediction.js";
import { readSite } from "./site.js";
import { TrainingForm } from "./training.js";
import start from "./wasm/web.js";

/** Handles a chosen file, whose field may then choose the same one again. @param {string} id @param {(file: File) => Promise<void>} work */
function onFile(id, work) {
  input(id).addEventListener("change", () => attempt(async () => {
    const file = chosenFile(id);
    if (!file) return;
    try {
      await work(file);
    } finally {
      input(id).value = "";
    }
  }));
}

/** Handles a button. @param {string} id @param {() => unknown} work */
function onClick(id, work) {
  button(id).addEventListener("click", () => attempt(work));
}

/** @param {Prediction} prediction */
function listenToPrediction(prediction) {
  select("model").addEventListener("change", () => attempt(() => prediction.useChosen()));
  onClick("clear", () => prediction.drawing.set(new Uint8Array(SIDE * SIDE)));
  onFile("picture", (file) => prediction.usePicture(file));
  onFile("network", (file) => prediction.readNetwork(file));
  const picture = at("drawing", HTMLCanvasElement);
  picture.addEventListener("dragover", (event) => event.preventDefault());
  picture.addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) attempt(() => prediction.usePicture(file));
  });
}

/** @param {Data} data @param {TrainingForm} training */
function listenToTraining(data, training) {
  onClick("more", () => data.showMore());
  onClick("data-read", async () => {
    await data.read();
    training.showCommand();
  });
  const form = at("training", HTMLFormElement);
  form.addEventListener("input", () => training.showCommand());
  select("recipe").addEventListener("change", () => training.proposeRate());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => training.start());
  });
  button("stop").addEventListener("click", () => training.stop());
  button("save").addEventListener("click", () => training.save());
}

attempt(async () => {
  const [site] = await Promise.all([readSite(), start()]);
  const prediction = new Prediction(site);
  await prediction.useChosen();
  const data = await Data.load(site, prediction);
  data.draw(0);
  const training = new TrainingForm(site, data, prediction);
  listenToPrediction(prediction);
  listenToTraining(data, training);
  box("state").hidden = true;
  document.body.dataset.ready = "yes";
});
