// A line in an SVG, with axes.

const NAMESPACE = "http://www.w3.org/2000/svg";
const BOX = { left: 74, right: 616, top: 16, bottom: 270 };
const MOST_POINTS = 300;

/** The mean loss of neighbouring steps, at the last of them. @typedef {{ step: number, loss: number }} Point */

/** Draws losses by step, the first of which is step 1. @param {SVGElement} svg @param {number[]} losses @param {number} total */
export function draw(svg, losses, total) {
  svg.replaceChildren();
  const points = means(losses);
  const most = Math.max(...points.map((point) => point.loss), 0.1);
  const top = niceStep(most) * Math.ceil(most / niceStep(most));
  /** @param {number} step */
  const x = (step) => BOX.left + ((BOX.right - BOX.left) * step) / Math.max(total, 1);
  /** @param {number} loss */
  const y = (loss) => BOX.bottom - ((BOX.bottom - BOX.top) * loss) / top;
  for (let value = 0; value <= top * 1.001; value += niceStep(most)) {
    add(svg, "path", { class: "axis", d: `M${BOX.left} ${y(value)}H${BOX.right}` });
    add(svg, "text", { x: BOX.left - 8, y: y(value) + 5, "text-anchor": "end" }, round(value));
  }
  for (let step = 0; step <= total; step += niceStep(total)) {
    add(svg, "path", { class: "axis", d: `M${x(step)} ${BOX.bottom}v6` });
    add(svg, "text", { x: x(step), y: BOX.bottom + 24, "text-anchor": "middle" }, round(step));
  }
  add(svg, "text", { x: (BOX.left + BOX.right) / 2, y: 314, "text-anchor": "middle" }, "step");
  add(svg, "text", { x: 16, y: (BOX.top + BOX.bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 16 ${(BOX.top + BOX.bottom) / 2})` }, "loss (nats)");
  if (points.length === 0) return;
  const line = points.map(({ step, loss }) => `${x(step).toFixed(1)} ${y(loss).toFixed(1)}`);
  add(svg, "path", { class: "curve", d: `M${line.join("L")}` });
  const last = points[points.length - 1];
  // Above the curve's end, wherever that swings.
  const highest = Math.max(...points.slice(-Math.ceil(points.length / 5)).map((point) => point.loss));
  const isRight = x(last.step) > (BOX.left + BOX.right) / 2;
  const place = { x: x(last.step) + (isRight ? -4 : 8), y: Math.max(y(highest) - 12, 16), "text-anchor": isRight ? "end" : "start" };
  add(svg, "text", { class: "label", ...place }, last.loss.toFixed(3));
}

/** @param {number[]} losses */
function means(losses) {
  const width = Math.max(1, Math.ceil(losses.length / MOST_POINTS));
  /** @type {Point[]} */
  const points = [];
  for (let start = 0; start < losses.length; start += width) {
    const part = losses.slice(start, start + width);
    points.push({ step: start + part.length, loss: part.reduce((sum, loss) => sum + loss, 0) / part.length });
  }
  return points;
}

/** The distance of 3 to 6 marks: 1, 2 or 5 times a power of ten. @param {number} most */
function niceStep(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1e-6) / 3));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => most / step <= 6) ?? power * 10;
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(3)).toLocaleString("en");
}

/** @param {SVGElement} parent @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
function add(parent, name, attributes, text) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  parent.append(element);
}
