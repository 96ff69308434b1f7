/** @import { Placed } from "../work/layout.js" */

const STYLED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor", "dominant-baseline"];

/**
 * The picture as a file of its own: what the page's style sheet gives is written to each part.
 * @param {SVGGElement} stage
 * @param {Placed} placed
 * @returns {string}
 */
export function exportSvg(stage, { width, height }) {
  const copy = /** @type {SVGGElement} */ (stage.cloneNode(true));
  const originals = stage.querySelectorAll("rect, path, text");
  copy.querySelectorAll("rect, path, text").forEach((part, at) => {
    const original = originals[at];
    if (!original) return;
    const style = getComputedStyle(original);
    for (const name of STYLED) {
      const value = style.getPropertyValue(name);
      if (value && value !== "none" && value !== "auto") part.setAttribute(name, value);
      else if (name === "fill") part.setAttribute(name, "none");
    }
  });
  for (const hit of copy.querySelectorAll(".hit")) hit.remove();
  for (const part of [copy, ...copy.querySelectorAll("*")])
    for (const name of ["class", "tabindex", "role", "data-id", "aria-pressed", "aria-label"]) part.removeAttribute(name);
  copy.setAttribute("transform", "translate(12 30)");
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const [w, h] = [Math.ceil(width + 24), Math.ceil(height + 42)];
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${w} ${h}`, width: w, height: h, "font-family": "system-ui, sans-serif" }))
    picture.setAttribute(name, String(value));
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  picture.append(ground, copy);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(picture)}\n`;
}
