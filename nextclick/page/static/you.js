// You: what you click, and the list that comes back.

import { showDone, showIdle, showRefused, showWaiting } from "./after.js";
import { post } from "./api.js";
import { byId, make } from "./elements.js";
import { mayMove, whenStill } from "./press.js";
import { RankedList } from "./ranked.js";
import { Search } from "./search.js";
import { say } from "./trouble.js";
import { count, milliseconds, STRATEGIES } from "./words.js";

const CLICKS_SHOWN = 12;
const WAITING_MS = 100;
// A wait that is shorter than this is not worth a word.
const PATIENCE_MS = 400;

export class You {
  constructor(begin) {
    this.ranked = new RankedList(byId("ranked"), (item) => this.click(item));
    this.search = new Search((item) => this.click(item));
    this.clicked = [];
    this.onTheirWay = 0;
    this.waitingSince = null;
    this.offset = null;
    this.isReady = true;
    this.begin = begin;
    // Tabs of one browser are one user: what one of them becomes, all are.
    this.tabs = new BroadcastChannel("someone-new");
    this.tabs.onmessage = () => this.begin();
    byId("someone-new").addEventListener("click", () => this.startOver());
    setInterval(() => this.showWaiting(), WAITING_MS);
  }

  hello(message) {
    if (this.userId !== message.user_id) this.reset();
    this.userId = message.user_id;
    this.clicked = message.clicks;
    if (message.waiting_ms !== null) this.waitingSince = performance.now() - message.waiting_ms;
    else if (!this.onTheirWay) this.waitingSince = null;
    this.showClicks();
    byId("user-id").textContent = message.user_id;
    this.search.hello(message);
  }

  reset() {
    this.clicked = [];
    this.waitingSince = null;
    this.offset = null;
    this.ranked.clear();
    this.showClicks();
    showIdle();
    byId("why-note").hidden = true;
  }

  async startOver() {
    try {
      await post("/api/someone-new");
      this.tabs.postMessage("");
      this.begin();
      byId("announce").textContent = "You are someone new.";
      say("you", "");
    } catch (error) { say("you", `You are who you were. ${error.message}`); }
  }

  async click(item) {
    this.clicked.unshift(item);
    this.waitingSince = performance.now();
    this.onTheirWay += 1;
    this.showClicks();
    try {
      await post("/api/clicks", { item_id: item.item_id });
      say("you", "");
    } catch (error) { whenStill(() => this.refuse(item, error.message)); }
    this.onTheirWay -= 1;
  }

  refuse(item, reason) {
    const place = this.clicked.indexOf(item);
    if (place >= 0) this.clicked.splice(place, 1);
    this.waitingSince = null;
    this.showClicks();
    showRefused(item, reason);
    say("you", `Your click on ${item.title} was not taken. ${reason}`);
  }

  showClicks() {
    const rows = this.clicked.slice(0, CLICKS_SHOWN).map((item) => make("li", { textContent: item.title }));
    const rest = this.clicked.length - rows.length;
    if (rest > 0) rows.push(make("li", { className: "nothing", textContent: `and ${count(rest)} more` }));
    byId("clicks").replaceChildren(...(rows.length ? rows : [make("li", { className: "nothing", textContent: "none yet" })]));
  }

  workersAre(isReady) { this.isReady = isReady; }

  showWaiting() {
    if (this.waitingSince === null || !mayMove()) return;
    const waited = performance.now() - this.waitingSince;
    if (waited < PATIENCE_MS) return;
    showWaiting(waited, this.onTheirWay ? "your click is on its way to Kafka"
      : this.isReady ? "your click waits for its list"
        : "your click is safe in Kafka and waits for a worker");
  }

  list(message) {
    // After a break of the stream the newest list is sent again.
    if (message.offset !== null && message.offset === this.offset) return;
    this.offset = message.offset;
    const moved = this.ranked.show(message.items);
    showStrategy(message.strategy);
    if (message.after_ms === null) return;
    this.answered(message);
    byId("announce").textContent =
      `New list, ${milliseconds(message.after_ms)} after your click on ${message.clicked.title}. ` +
      `First: ${message.items.slice(0, 3).map((item) => item.title).join("; ")}. ${moved} items moved up or are new.`;
  }

  answered(message) {
    // Clicked in another tab of this browser, or while the stream was broken.
    if (message.clicks > this.clicked.length) {
      this.clicked.unshift(message.clicked);
      this.showClicks();
    }
    if (message.clicks >= this.clicked.length) this.waitingSince = null;
    showDone(message);
  }

  reasons(message) {
    if (message.offset !== this.offset) return;
    this.ranked.explain(message.reasons);
    byId("why-note").hidden = message.reasons.length === 0;
  }
}

function showStrategy(strategy) {
  const [name, meaning] = STRATEGIES[strategy] ?? [strategy, ""];
  const chip = byId("strategy");
  chip.textContent = name;
  chip.title = meaning;
  chip.hidden = false;
}
