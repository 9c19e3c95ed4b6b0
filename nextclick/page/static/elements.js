// Elements made and found.

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
