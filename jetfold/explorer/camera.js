"use strict";

const MARGIN = 28;
const LARGEST = 3;
const SMALLEST = 0.05;
/** Below this scale text is too small for the last row of a lecture hall. */
const READABLE = 0.78;
const COMFORTABLE = 0.9;
const SMALL = 0.5;
/** At this scale the form of a graph can be made out, without its text. */
const OVERVIEW = 0.2;

/**
 * What part of the graph is seen. Three ways to choose it: "follow" goes to what a step changed,
 * "whole" shows everything, "free" leaves the choice to the reader's hands.
 */
class Camera {
  constructor(stage, world, onChange) {
    this._stage = stage;
    this._world = world;
    this._onChange = onChange;
    this._at = { x: 0, y: 0, k: 1 };
    this._frame = 0;
    this._pointers = new Map();
    this.mode = "follow";
    this._measure();
    this._listen();
  }

  /** Look at a new layout: its bounds, and those of what changed (or null). */
  look(bounds, changed, glide) {
    this._bounds = bounds;
    this._changed = changed;
    const target = this._target();
    if (target) this._go(target, glide);
  }

  set(mode, glide) {
    this.mode = mode;
    this._onChange();
    if (this._bounds) this.look(this._bounds, this._changed, glide);
  }

  /**
   * Ask for the size of the stage; at every step that would make browsers lay out the page.
   *
   * The drawing gets it in pixels: one of 100% is laid out again with whatever changes beside it.
   */
  _measure() {
    this._size = { width: this._stage.clientWidth, height: this._stage.clientHeight };
    set(this._world.ownerSVGElement, this._size);
  }

  _target() {
    const { width, height } = this._size;
    if (!width || !height || !this._bounds) return null;
    const whole = this._fitting(this._bounds, width, height, 1.25);
    if (this.mode === "whole") return whole;
    if (this.mode === "free") return this._changed ? this._include(this._at, this._changed) : null;
    if (whole.k >= READABLE) return whole;
    if (!this._changed) {
      // The beginning, as large as its width allows; a wide graph as a whole, if that shows enough.
      const across = Math.min((width - 2 * MARGIN) / wide(this._bounds), READABLE);
      if (across < SMALL && whole.k >= OVERVIEW) return whole;
      const k = Math.max(across, SMALL);
      return this._inside({ k, x: width / 2 - k * this._bounds.begin, y: Infinity });
    }
    const close = this._fitting(this._changed, width, height, 1);
    const k = Math.max(whole.k, Math.min(Math.max(close.k, SMALL), COMFORTABLE));
    const rescaled = scaledAbout(this._at, k, width / 2, height / 2);
    return this._include(this._inside(rescaled), this._changed);
  }

  /** No more empty space than needed beside or above the graph. */
  _inside(at) {
    const { width, height } = this._size;
    const b = this._bounds;
    return {
      k: at.k,
      x: held(at.x, at.k * b.left, at.k * b.right, width),
      y: held(at.y, at.k * b.top, at.k * b.bottom, height),
    };
  }

  /** The least move after which a part is seen; its middle where it is too large. */
  _include(at, part) {
    const { width, height } = this._size;
    return {
      k: at.k,
      x: seen(at.x, at.k * part.left, at.k * part.right, width),
      y: seen(at.y, at.k * part.top, at.k * part.bottom, height),
    };
  }

  _fitting(bounds, width, height, most) {
    const tall = bounds.bottom - bounds.top;
    const k = Math.min((width - 2 * MARGIN) / wide(bounds), (height - 2 * MARGIN) / tall, most);
    return {
      k: Math.max(k, SMALLEST),
      x: width / 2 - k * middle(bounds),
      y: height / 2 - (k * (bounds.top + bounds.bottom)) / 2,
    };
  }

  _go(target, glide) {
    cancelAnimationFrame(this._frame);
    const from = this._at;
    if (!glide) return this._put(target);
    const start = performance.now();
    const frame = (now) => {
      const t = Math.min((now - start) / GLIDE, 1);
      const e = eased(t);
      this._put({
        x: between(from.x, target.x, e),
        y: between(from.y, target.y, e),
        k: between(from.k, target.k, e),
      });
      if (t < 1) this._frame = requestAnimationFrame(frame);
    };
    this._frame = requestAnimationFrame(frame);
  }

  _put(at) {
    this._at = at;
    const { x, y, k } = at;
    this._world.setAttribute(
      "transform",
      `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${k.toFixed(4)})`,
    );
  }

  // Hands ------------------------------------------------------------------------------------

  zoom(factor, x = this._stage.clientWidth / 2, y = this._stage.clientHeight / 2) {
    cancelAnimationFrame(this._frame);
    const k = Math.min(Math.max(this._at.k * factor, SMALLEST), LARGEST);
    this._free(scaledAbout(this._at, k, x, y));
  }

  pan(dx, dy) {
    cancelAnimationFrame(this._frame);
    this._free({ ...this._at, x: this._at.x + dx, y: this._at.y + dy });
  }

  _free(at) {
    this._put(at);
    if (this.mode === "free") return;
    this.mode = "free";
    this._onChange();
  }

  /** Bring an element of the world into view. */
  reveal(element) {
    const stage = this._stage.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    const dx = seen(0, box.left - stage.left, box.right - stage.left, stage.width);
    const dy = seen(0, box.top - stage.top, box.bottom - stage.top, stage.height);
    if (dx || dy) this._put({ ...this._at, x: this._at.x + dx, y: this._at.y + dy });
  }

  _listen() {
    const stage = this._stage;
    const local = (event) => {
      const box = stage.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    stage.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const { x, y } = local(event);
        const unit = event.deltaMode === 1 ? 16 : 1;
        this.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0016)), x, y);
      },
      { passive: false },
    );
    stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this._pointers.set(event.pointerId, local(event));
      this._travelled = 0;
    });
    stage.addEventListener("pointermove", (event) => {
      const old = this._pointers.get(event.pointerId);
      if (!old) return;
      const now = local(event);
      this._travelled += Math.abs(now.x - old.x) + Math.abs(now.y - old.y);
      // A click on a box is no drag: its pointer stays with the box until it moves.
      if (this._travelled < 4) return;
      stage.setPointerCapture(event.pointerId);
      const other = [...this._pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other)
        this.zoom(distance(now, other) / Math.max(distance(old, other), 1), other.x, other.y);
      else this.pan(now.x - old.x, now.y - old.y);
      this._pointers.set(event.pointerId, now);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => this._pointers.delete(event.pointerId));
    }
    new ResizeObserver(() => {
      this._measure();
      this.look(this._bounds, this._changed, false);
    }).observe(stage);
  }

  /** Whether the pointer that just went up had dragged the graph. */
  get dragged() {
    return this._travelled >= 4;
  }
}

function wide(bounds) {
  return bounds.right - bounds.left;
}

function middle(bounds) {
  return (bounds.left + bounds.right) / 2;
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function scaledAbout(at, k, x, y) {
  const ratio = k / at.k;
  return { k, x: x - ratio * (x - at.x), y: y - ratio * (y - at.y) };
}

function seen(offset, low, high, size) {
  if (high - low > size - 2 * MARGIN) return size / 2 - (low + high) / 2;
  if (offset + low < MARGIN) return MARGIN - low;
  if (offset + high > size - MARGIN) return size - MARGIN - high;
  return offset;
}

function held(offset, low, high, size) {
  if (high - low <= size - 2 * MARGIN) return size / 2 - (low + high) / 2;
  return Math.min(Math.max(offset, size - MARGIN - high), MARGIN - low);
}
