"use strict";

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** The path along a route: straight down, across in a curve, straight down, and so on. */
function pathOf(route) {
  let { x, y } = route[0];
  let path = `M${x.toFixed(1)} ${y.toFixed(1)}`;
  for (let i = 1; i < route.length; i++) {
    const to = route[i];
    if (to.x === x && to.y === y) continue;
    const end = `${to.x.toFixed(1)} ${to.y.toFixed(1)}`;
    if (i % 2 || Math.abs(to.x - x) < 0.5) path += `L${end}`;
    else {
      const middle = ((y + to.y) / 2).toFixed(1);
      path += `C${x.toFixed(1)} ${middle} ${to.x.toFixed(1)} ${middle} ${end}`;
    }
    ({ x, y } = to);
  }
  return path;
}

/** Two routes with equally many points, so that one can turn into the other. */
function paired(a, b) {
  return [padded(a, b.length), padded(b, a.length)];
}

function padded(route, length) {
  const points = [...route];
  while (points.length < length) points.splice(1, 0, points[1]);
  return points;
}

function between(a, b, t) {
  return a + (b - a) * t;
}

function eased(t) {
  return t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2;
}
