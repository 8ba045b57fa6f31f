// The folder's own files: what `cargo xtask web` wrote.

/**
 * A network of the project. The files' addresses are relative.
 * @typedef {object} NamedModel
 * @property {string} name
 * @property {string} layers
 * @property {string} float
 * @property {string} integers
 */

/**
 * A measured prediction on a board.
 * @typedef {object} Measurement
 * @property {string} board
 * @property {string} model
 * @property {string} format
 * @property {number} instructions
 */

/**
 * A part of the data: the addresses of two IDX files.
 * @typedef {object} PartFiles
 * @property {string} samples
 * @property {string} labels
 * @property {number} count
 */

/** A recipe of `selvedge train` that the page has. @typedef {"quickstart" | "fast"} Recipe */

/**
 * Number fields of the training form by their ids.
 * @typedef {object} Settings
 * @property {number} seed
 * @property {number} limit
 * @property {number} epochs
 * @property {number} batch
 * @property {number} rate
 */

/**
 * A run of the command line with the proposed settings.
 * @typedef {object} NativeRun
 * @property {string} hash
 * @property {number} samples_per_second
 */

/** @typedef {"train" | "test"} PartName */

/**
 * The content of site.json. `option` is the data's option of the command line.
 * @typedef {object} Site
 * @property {NamedModel[]} models
 * @property {Measurement[]} instructions
 * @property {{ name: string, classes: (string | null)[], option: string } & Record<PartName, PartFiles>} data
 * @property {Omit<Settings, "rate"> & { rates: Record<Recipe, number> }} training
 * @property {Record<Recipe, Record<string, NativeRun>>} native by model
 */

/** @param {string} address */
async function answerOf(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} did not load: ${answer.status} ${answer.statusText}`);
  return answer;
}

/** The bytes of a file. @param {string} address */
export async function bytesOf(address) {
  const answer = await answerOf(address);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Reads site.json. @returns {Promise<Site>} */
export async function readSite() {
  const answer = await answerOf("site.json");
  return answer.json();
}
