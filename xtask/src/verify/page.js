// node page.cjs LIBRARY FOLDER train SEED EPOCHS BATCH RATE | logits

const { createHash } = require("crypto");
const { readFileSync } = require("fs");
const { join } = require("path");

const [library, folder, kind, ...options] = process.argv.slice(2);
const { Model, Samples, TrainingRun, rowFaults } = require(library);
const faults = rowFaults(42, 200000);
if (faults > 0) throw new Error(`${faults} sums of vectors differ from those of numbers`);
const read = (name) => readFileSync(join(folder, name));
const samples = new Samples(read("samples.idx"), read("labels.idx"), 0);

if (kind === "train") {
  const training = new TrainingRun("tiny", "quickstart", samples, ...options.map(Number));
  while (!training.isDone) training.step();
  console.log(training.weightHash);
} else {
  const model = new Model(read("weights.selvedge"));
  let hashes = "";
  for (let index = 0; index < samples.count; index++) {
    model.predict(samples.sample(index));
    const { buffer, byteOffset, byteLength } = model.logits;
    const digest = createHash("sha256").update(new Uint8Array(buffer, byteOffset, byteLength)).digest("hex");
    hashes += digest.slice(0, 16);
  }
  console.log(createHash("sha256").update(Buffer.from(hashes, "hex")).digest("hex"));
}
