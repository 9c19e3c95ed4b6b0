// While a button is pressed nothing on the page moves: what would change it waits until the button is let go.
//
// A browser makes a click of a press only where the button is still in the page, and still under the pointer, when it is
// let go. A list that reorders in between would swallow the click, or give it to a neighbour.

// A release that nobody tells us of, because another window took it, holds the page up no longer than this.
const LONGEST_MS = 3000;
// Behind the release comes the click; after a press that was moved off its button none does.
const CLICK_FOLLOWS_MS = 60;

let pressedBy = null;
const gliding = [];
let timer = null;
const waiting = [];

export const mayMove = () => pressedBy === null;

/** Change the page now, or as soon as nothing is pressed; what waits is done in its order. */
export function whenStill(change) {
  if (mayMove()) change();
  else waiting.push(change);
}

function press(event, by) {
  if (!event.target.closest?.("button")) return;
  pressedBy = by;
  // Only what scripts move: the look of a pressed button is a transition too.
  gliding.push(...document.getAnimations().filter((one) => one.constructor === Animation && one.playState === "running"));
  gliding.forEach((one) => one.pause());
  letGoWithin(LONGEST_MS);
}

function letGoWithin(ms) {
  clearTimeout(timer);
  timer = setTimeout(letGo, ms);
}

function letGo() {
  clearTimeout(timer);
  pressedBy = null;
  gliding.splice(0).forEach((one) => one.play());
  while (waiting.length) waiting.shift()();
}

function released(by) { if (pressedBy === by) letGoWithin(CLICK_FOLLOWS_MS); }

// Enter needs none of this: a button is clicked when the key goes down.
const isSpace = (event) => event.key === " " && !event.repeat;

addEventListener("pointerdown", (event) => { if (event.button === 0) press(event, "pointer"); });
addEventListener("pointerup", () => released("pointer"));
addEventListener("pointercancel", () => released("pointer"));
addEventListener("keydown", (event) => { if (isSpace(event)) press(event, "space"); });
addEventListener("keyup", (event) => { if (isSpace(event)) released("space"); });
addEventListener("blur", () => released(pressedBy));
// Bubbled up to the window: whoever the click is for has had it.
addEventListener("click", () => { if (!mayMove()) letGo(); });
