// Moving and zooming a picture: by wheel, drag, pinch and keys.

const SMALLEST = 0.05;
const LARGEST = 3;

export class Viewport {
  #x = 0;
  #y = 0;
  #scale = 1;
  #width = 0;
  #height = 0;
  /** Until it is moved by hand, the whole picture stays in view. */
  #fitted = true;
  /** @type {Map<number, { x: number, y: number }>} */
  #pointers = new Map();
  /** Whether the click that ends a drag is none. */
  dragged = false;

  /**
   * @param {SVGSVGElement} frame
   * @param {SVGGElement} stage
   */
  constructor(frame, stage) {
    this.frame = frame;
    this.stage = stage;
    frame.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const { left, top } = frame.getBoundingClientRect();
        const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
        this.zoom(Math.exp(-Math.max(-120, Math.min(120, step)) * 0.0025), event.clientX - left, event.clientY - top);
      },
      { passive: false },
    );
    frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.dragged = false;
      this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    frame.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel", "pointerleave"]))
      frame.addEventListener(end, (event) => {
        this.#pointers.delete(event.pointerId);
        frame.classList.remove("grabbing");
      });
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (!this.dragged && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
    if (!this.dragged) {
      this.dragged = true;
      this.frame.setPointerCapture(event.pointerId);
      this.frame.classList.add("grabbing");
    }
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const { left, top } = this.frame.getBoundingClientRect();
      const grown = Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      this.zoom(grown, (now.x + other.x) / 2 - left, (now.y + other.y) / 2 - top);
    } else this.move(now.x - before.x, now.y - before.y);
    this.#pointers.set(event.pointerId, now);
  }

  /** @param {number} width @param {number} height of a new picture */
  size(width, height) {
    this.#width = width;
    this.#height = height;
    if (this.#fitted) this.fit();
    else this.#apply();
  }

  resized() {
    if (this.#fitted) this.fit();
  }

  /** The next picture is fitted again. */
  forget() {
    this.#fitted = true;
  }

  fit() {
    const { clientWidth, clientHeight } = this.frame;
    if (clientWidth === 0 || this.#width === 0) return;
    const top = 22;
    this.#scale = Math.max(SMALLEST, Math.min(1.15, (clientWidth - 24) / this.#width, (clientHeight - top - 56) / this.#height));
    this.#x = (clientWidth - this.#width * this.#scale) / 2;
    this.#y = top + Math.max(0, (clientHeight - top - 44 - this.#height * this.#scale) / 2.4);
    this.#fitted = true;
    this.#apply();
  }

  /** @param {number} by @param {number} [x] in the frame; else its middle @param {number} [y] */
  zoom(by, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    const scale = Math.max(SMALLEST, Math.min(LARGEST, this.#scale * by));
    this.#x = x - ((x - this.#x) * scale) / this.#scale;
    this.#y = y - ((y - this.#y) * scale) / this.#scale;
    this.#scale = scale;
    this.#fitted = false;
    this.#apply();
  }

  /** @param {number} dx @param {number} dy */
  move(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.#fitted = false;
    this.#apply();
  }

  /**
   * Brings a point of the picture into sight.
   * @param {number} x
   * @param {number} y
   * @param {boolean} [gently] leave the picture where it is if the point is in sight already
   */
  show(x, y, gently = false) {
    const { clientWidth, clientHeight } = this.frame;
    const [left, top] = [x * this.#scale + this.#x, y * this.#scale + this.#y];
    const margin = 60;
    const inSight = left > margin && left < clientWidth - margin && top > margin && top < clientHeight - margin;
    if (inSight && (gently || this.#scale > 0.55)) return;
    if (!gently) this.#scale = Math.max(this.#scale, 0.8);
    this.#x = clientWidth / 2 - x * this.#scale;
    this.#y = clientHeight / 2 - y * this.#scale;
    this.#fitted = false;
    this.#apply();
  }

  #apply() {
    this.stage.setAttribute("transform", `translate(${this.#x.toFixed(1)} ${this.#y.toFixed(1)}) scale(${this.#scale.toFixed(4)})`);
  }
}
