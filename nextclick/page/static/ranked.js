// The list, reordered in place: items glide to their new places, and keep the keyboard's focus.

import { isCalm, make } from "./elements.js";
import { placeRows } from "./rows.js";
import { place } from "./words.js";

const GLIDE_MS = 520;
const EASE = "cubic-bezier(.2, .8, .2, 1)";

export class RankedList {
  constructor(list, onClick) {
    this.list = list;
    this.onClick = onClick;
    this.rows = new Map();
  }

  clear() {
    this.rows.clear();
    this.list.replaceChildren();
  }

  /** Show items, best first; return how many moved up or are new. */
  show(items) {
    const wasEmpty = this.rows.size === 0;
    const before = new Map([...this.rows].map(([id, row]) => [id, { top: row.offsetTop, place: row.place }]));
    const rows = items.map((item, index) => this.row(item, index + 1));
    this.rows = new Map(rows.map((row) => [row.itemId, row]));
    placeRows(this.list, rows);
    let moved = 0;
    for (const row of rows) {
      const old = before.get(row.itemId);
      moved += showMove(row, wasEmpty ? undefined : old, wasEmpty);
      if (!wasEmpty && !isCalm()) glide(row, old);
    }
    return moved;
  }

  explain(reasons) {
    const ofItem = new Map(reasons.map((reason) => [reason.item_id, reason]));
    for (const row of this.rows.values()) {
      const reason = ofItem.get(row.itemId);
      const without = reason?.place_without ? [make("i", { textContent: `${place(reason.place_without)} without it` })] : [];
      row.why.replaceChildren(...(reason
        ? ["because you clicked ", make("b", { textContent: reason.because }), ...without]
        : []));
    }
  }

  row(item, number) {
    const row = this.rows.get(item.item_id) ?? this.newRow(item);
    row.place = number;
    row.number.textContent = number;
    row.why.replaceChildren();
    return row;
  }

  newRow(item) {
    const parts = {
      number: make("span", { className: "place" }),
      move: make("span", { className: "move" }),
      why: make("span", { className: "why" }),
    };
    const button = make("button", { type: "button", className: "title", textContent: item.title });
    button.addEventListener("click", () => this.onClick(item));
    const row = make("li", {}, parts.number, make("span", { className: "what" }, button, parts.why),
      make("span", { className: "category", textContent: item.category ?? "" }), parts.move);
    return Object.assign(row, parts, { itemId: item.item_id, button });
  }
}

function showMove(row, old, isFirstList) {
  const up = old ? old.place - row.place : 0;
  const isNew = !old && !isFirstList;
  row.dataset.move = isNew ? "new" : up > 0 ? "up" : up < 0 ? "down" : "same";
  row.move.textContent = isNew ? "new" : up > 0 ? `▲ ${up}` : up < 0 ? `▼ ${-up}` : "";
  row.move.ariaLabel = isNew ? "new on the list" : up > 0 ? `up ${up}` : up < 0 ? `down ${-up}` : "";
  return isNew || up > 0 ? 1 : 0;
}

function glide(row, old) {
  const from = old
    ? { transform: `translateY(${old.top - row.offsetTop}px)` }
    : { opacity: 0, transform: "translateX(24px)" };
  row.animate([from, { opacity: 1, transform: "none" }], { duration: GLIDE_MS, easing: EASE });
}
