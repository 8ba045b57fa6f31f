// The page's elements: found by their ids, made anew, and the line that shows an error.

/**
 * An element by its id and its class.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function at(id, kind) {
  const found = document.querySelector(`#${id}`);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

/** A field of a form. @param {string} id */
export const input = (id) => at(id, HTMLInputElement);
/** A list to choose from. @param {string} id */
export const select = (id) => at(id, HTMLSelectElement);
/** A button. @param {string} id */
export const button = (id) => at(id, HTMLButtonElement);
/** Any element. @param {string} id */
export const box = (id) => at(id, HTMLElement);

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name
 * @param {Partial<HTMLElementTagNameMap[N]>} [properties]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[N]}
 */
export function element(name, properties = {}, text = "") {
  const made = document.createElement(name);
  Object.assign(made, properties);
  if (text) made.textContent = text;
  return made;
}

/** The chosen file of a field. @param {string} id */
export const chosenFile = (id) => input(id).files?.[0];

/** An error's words. @param {unknown} error */
export const wordsOf = (error) => (error instanceof Error ? error.message : String(error));

/** Shows an error. @param {unknown} error */
export function fail(error) {
  box("error").hidden = false;
  box("error").textContent = `Error: ${wordsOf(error)}`;
}

/** Runs work that may fail, and shows its error. @param {() => unknown} work */
export async function attempt(work) {
  box("error").hidden = true;
  try {
    await work();
  } catch (error) {
    fail(error);
  }
}

/** A part of 1 in per cent. @param {number} part */
export const percent = (part) => `${(100 * part).toFixed(1)}%`;

/** A whole number in groups of three digits. @param {number} number */
export const grouped = (number) => Math.round(number).toLocaleString("en");
