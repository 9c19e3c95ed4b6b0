// What went wrong, in one place at the top: each part says its own, and takes back only its own.

import { byId } from "./elements.js";
import { whenStill } from "./press.js";

const said = new Map();

/** Say what a part of the page suffers from; an empty sentence: nothing any more. */
export function say(part, sentence) {
  said.set(part, sentence);
  whenStill(show);
}

function show() {
  const text = [...new Set(said.values())].filter(Boolean).join(" ");
  const trouble = byId("trouble");
  // An alert that is written again is read out again.
  if (trouble.textContent !== text) trouble.textContent = text;
  trouble.hidden = !text;
}
