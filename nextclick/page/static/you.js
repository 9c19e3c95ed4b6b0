// You: what you click, and the list that comes back.

import { findItems, post } from "./api.js";
import { byId, make, say } from "./elements.js";
import { RankedList } from "./ranked.js";
import { count, milliseconds, STRATEGIES } from "./words.js";

const TYPING_MS = 120;
const CLICKS_SHOWN = 12;
const WAITING_MS = 100;

export class You {
  constructor(begin) {
    this.ranked = new RankedList(byId("ranked"), (item) => this.click(item));
    this.clicked = [];
    this.waitingSince = null;
    this.offset = null;
    this.isReady = true;
    this.begin = begin;
    byId("query").addEventListener("input", () => this.searchSoon());
    byId("category").addEventListener("change", () => this.search());
    byId("items").addEventListener("keydown", (event) => moveFocus(event));
    byId("query").addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") byId("items").querySelector("button")?.focus();
    });
    byId("someone-new").addEventListener("click", () => this.startOver());
    setInterval(() => this.showWaiting(), WAITING_MS);
  }

  hello(message) {
    if (this.userId !== message.user_id) this.reset();
    this.userId = message.user_id;
    this.clicked = message.clicks;
    this.showClicks();
    byId("user-id").textContent = message.user_id;
    const select = byId("category");
    if (select.options.length === 1) {
      select.append(...message.categories.map((name) => make("option", { value: name, textContent: name })));
    }
    if (!byId("items").childElementCount) this.search();
  }

  reset() {
    this.clicked = [];
    this.waitingSince = null;
    this.offset = null;
    this.ranked.clear();
    this.showClicks();
    showAfter("idle", "–", "click something, and watch the list reorder");
    byId("why-note").hidden = true;
  }

  async startOver() {
    try {
      await post("/api/someone-new");
      this.begin();
      byId("announce").textContent = "You are someone new.";
    } catch (error) { say(error.message); }
  }

  searchSoon() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.search(), TYPING_MS);
  }

  async search() {
    const found = await findItems(byId("query").value, byId("category").value);
    byId("items").replaceChildren(...found.map((item) => this.searchRow(item)));
    byId("found").textContent = byId("query").value ? `${found.length} found` : "";
    if (!found.length) byId("items").append(make("li", { className: "nothing", textContent: "Nothing is called so." }));
  }

  searchRow(item) {
    const button = make("button", { type: "button", className: "item" },
      make("span", { className: "title", textContent: item.title }),
      make("span", { className: "category", textContent: item.category ?? "" }));
    button.addEventListener("click", () => this.click(item));
    return make("li", {}, button);
  }

  async click(item) {
    this.clicked.unshift(item);
    this.waitingSince = performance.now();
    this.showClicks();
    try {
      await post("/api/clicks", { item_id: item.item_id });
    } catch (error) {
      this.waitingSince = null;
      say(error.message);
    }
  }

  showClicks() {
    const rows = this.clicked.slice(0, CLICKS_SHOWN).map((item) => make("li", { textContent: item.title }));
    const rest = this.clicked.length - rows.length;
    if (rest > 0) rows.push(make("li", { className: "nothing", textContent: `and ${count(rest)} more` }));
    byId("clicks").replaceChildren(...(rows.length ? rows : [make("li", { className: "nothing", textContent: "none yet" })]));
  }

  workersAre(isReady) { this.isReady = isReady; }

  showWaiting() {
    if (this.waitingSince === null) return;
    const waited = performance.now() - this.waitingSince;
    if (waited < 400) return;
    const why = this.isReady ? "your click waits for its list" : "your click is safe in Kafka and waits for a worker";
    showAfter("waiting", milliseconds(waited), why);
  }

  list(message) {
    this.offset = message.offset;
    const moved = this.ranked.show(message.items);
    showStrategy(message.strategy);
    if (message.after_ms === null) return;
    if (message.clicks >= this.clicked.length) this.waitingSince = null;
    showAfter("done", milliseconds(message.after_ms), `after your click on ${message.clicked.title}`);
    showParts(message);
    byId("announce").textContent =
      `New list, ${milliseconds(message.after_ms)} after your click on ${message.clicked.title}. ` +
      `First: ${message.items.slice(0, 3).map((item) => item.title).join("; ")}. ${moved} items moved up or are new.`;
  }

  reasons(message) {
    if (message.offset !== this.offset) return;
    this.ranked.explain(message.reasons);
    byId("why-note").hidden = message.reasons.length === 0;
  }
}

function showAfter(state, number, text) {
  byId("after").dataset.state = state;
  byId("after-number").textContent = number;
  byId("after-text").textContent = text;
  if (state !== "done") {
    byId("after-bar").hidden = true;
    byId("after-detail").textContent = state === "idle" ? "" : "The account below says what waits.";
  }
}

function showParts(message) {
  const wrote = Math.min(message.written_after_ms, message.after_ms);
  byId("part-written").style.flexGrow = Math.max(wrote, 0.5);
  byId("part-read").style.flexGrow = Math.max(message.after_ms - wrote, 0.5);
  byId("after-bar").hidden = false;
  byId("after-detail").textContent =
    `The worker wrote the list ${milliseconds(wrote)} after the click record’s timestamp; this page had read it ` +
    `${milliseconds(message.after_ms - wrote)} later. Click ${message.offset} of the topic.`;
}

function showStrategy(strategy) {
  const [name, meaning] = STRATEGIES[strategy] ?? [strategy, ""];
  const chip = byId("strategy");
  chip.textContent = name;
  chip.title = meaning;
  chip.hidden = false;
}

function moveFocus(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const buttons = [...byId("items").querySelectorAll("button")];
  const next = buttons[buttons.indexOf(document.activeElement) + step];
  event.preventDefault();
  (next ?? (step < 0 ? byId("query") : buttons.at(-1)))?.focus();
}
