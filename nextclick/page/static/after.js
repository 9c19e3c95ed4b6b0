// How long after your click: the figure above your list, or what the click waits for.

import { byId } from "./elements.js";
import { milliseconds } from "./words.js";

export function showIdle() { show("idle", "–", "click something, and watch the list reorder", ""); }

export function showWaiting(waited, why) {
  show("waiting", milliseconds(waited), why, "The account below says what waits.");
}

export function showRefused(item, reason) { show("refused", "–", `your click on ${item.title} was not taken`, reason); }

export function showDone(message) {
  const wrote = Math.min(message.written_after_ms, message.after_ms), read = message.after_ms - wrote;
  show("done", milliseconds(message.after_ms), `after your click on ${message.clicked.title}`,
    `The worker wrote the list ${milliseconds(wrote)} after the click record’s timestamp; this page had read it ` +
    `${milliseconds(read)} later. Click ${message.offset} of the topic.`);
  byId("part-written").style.flexGrow = Math.max(wrote, 0.5);
  byId("part-read").style.flexGrow = Math.max(read, 0.5);
}

function show(state, number, text, detail) {
  byId("after").dataset.state = state;
  byId("after-number").textContent = number;
  byId("after-text").textContent = text;
  byId("after-detail").textContent = detail;
  byId("after-bar").hidden = state !== "done";
}
