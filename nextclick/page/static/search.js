// The catalogue, searched while one types; what is found can be clicked.

import { findItems } from "./api.js";
import { byId, make } from "./elements.js";
import { whenStill } from "./press.js";
import { placeRows } from "./rows.js";
import { say } from "./trouble.js";

const TYPING_MS = 120;

export class Search {
  constructor(onClick) {
    this.onClick = onClick;
    this.rows = new Map();
    this.asked = 0;
    byId("query").addEventListener("input", () => this.searchSoon());
    byId("category").addEventListener("change", () => this.search());
    byId("items").addEventListener("keydown", (event) => moveFocus(event));
    byId("query").addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") byId("items").querySelector("button")?.focus();
    });
  }

  hello(message) {
    const select = byId("category");
    if (select.options.length === 1) {
      select.append(...message.categories.map((name) => make("option", { value: name, textContent: name })));
    }
    if (!this.rows.size) this.search();
  }

  searchSoon() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.search(), TYPING_MS);
  }

  async search() {
    clearTimeout(this.typing);
    const number = ++this.asked;
    const query = byId("query").value;
    try {
      const found = await findItems(query, byId("category").value);
      // Answers may overtake each other: the newest question counts.
      if (number === this.asked) whenStill(() => this.show(found, query));
      say("search", "");
    } catch (error) { say("search", `Nothing can be searched. ${error.message}`); }
  }

  show(found, query) {
    const hadFocus = byId("items").contains(document.activeElement);
    this.rows = new Map(found.map((item) => [item.item_id, this.rows.get(item.item_id) ?? this.newRow(item)]));
    const nothing = make("li", { className: "nothing", textContent: "Nothing is called so." });
    placeRows(byId("items"), found.length ? [...this.rows.values()] : [nothing]);
    byId("found").textContent = query ? `${found.length} found` : "";
    if (!hadFocus) byId("items").scrollTop = 0;
    else if (!found.length) byId("query").focus();
  }

  newRow(item) {
    const button = make("button", { type: "button", className: "item" },
      make("span", { className: "title", textContent: item.title }),
      make("span", { className: "category", textContent: item.category ?? "" }));
    button.addEventListener("click", () => this.onClick(item));
    return make("li", {}, button);
  }
}

function moveFocus(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const buttons = [...byId("items").querySelectorAll("button")];
  const next = buttons[buttons.indexOf(document.activeElement) + step];
  event.preventDefault();
  (next ?? (step < 0 ? byId("query") : buttons.at(-1)))?.focus();
}
