// The workers, and what can be done to them.

import { post } from "./api.js";
import { byId, make } from "./elements.js";
import { say } from "./trouble.js";
import { count, STATES } from "./words.js";

const MOST_WORKERS = 3;

export class Workers {
  constructor(onReady) {
    this.onReady = onReady;
    this.workers = [];
    this.rows = new Map();
    this.drilled = null;
    byId("kill").addEventListener("click", () => this.act(this.target()?.name, "kill"));
    byId("add-worker").addEventListener("click", () => attempt("/api/workers"));
  }

  hello(message) {
    this.isOurs = message.has_red_button;
    this.partitions = message.partitions;
    byId("press").hidden = !this.isOurs;
    byId("add-worker").hidden = !this.isOurs;
    if (!this.isOurs) {
      byId("button-title").textContent = "The workers";
      byId("button-text").textContent = "Watched, not touched: they are not this page’s. The red button is in `nextclick demo --open`.";
    }
  }

  /** Whom the red button would kill: the first that runs. */
  target() { return this.workers.find((worker) => worker.state !== "gone"); }

  act(name, action) { if (name) attempt(`/api/workers/${name}/${action}`); }

  show(message) {
    this.workers = message.workers;
    const names = new Set(this.workers.map((worker) => worker.name));
    for (const [name, row] of this.rows) if (!names.has(name)) { row.remove(); this.rows.delete(name); }
    this.workers.forEach((worker) => this.showRow(worker));
    byId("add-worker").disabled = this.workers.length >= MOST_WORKERS;
    this.showPress();
    showStatus(this.workers);
    this.onReady(this.workers.some((worker) => worker.state === "ready"));
  }

  drill(message) {
    this.drilled = message.is_over ? null : message.worker;
    this.showPress();
  }

  showPress() {
    const target = this.target();
    byId("kill").disabled = !target || this.drilled !== null;
    byId("kill").ariaLabel = target ? `Kill ${target.name} with signal 9` : "Nobody to kill";
    byId("kill-text").textContent = this.drilled
      ? `${this.drilled} was killed and is coming back.`
      : target ? `Signal 9 to ${target.name}: a real signal to a real process.` : "Nobody is there to be killed.";
  }

  unreachable() { byId("status").dataset.state = "gone"; byId("status-text").textContent = "no connection"; }

  showRow(worker) {
    const row = this.rows.get(worker.name) ?? this.newRow(worker.name);
    row.dataset.state = worker.state;
    row.state.textContent = STATES[worker.state] ?? worker.state;
    row.detail.textContent = [
      worker.detail,
      worker.lives > 1 ? `life ${worker.lives}` : "",
      worker.memory_mib ? `${count(worker.memory_mib)} MiB` : "",
      worker.partitions.length ? `lag ${count(worker.lag)}` : "",
    ].filter(Boolean).join(" · ");
    row.partitions.replaceChildren(...this.squares(worker));
    row.partitions.ariaLabel = worker.partitions.length
      ? `has partitions ${worker.partitions.join(", ")} of ${this.partitions}` : "has no partition";
    if (this.isOurs) this.showActions(row, worker);
  }

  squares(worker) {
    return Array.from({ length: this.partitions ?? 0 }, (_, number) =>
      make("span", { className: worker.partitions.includes(number) ? "square owned" : "square", textContent: number, ariaHidden: true }));
  }

  showActions(row, worker) {
    const isGone = worker.state === "gone";
    row.pause.textContent = worker.state === "paused" ? "Resume" : "Pause";
    row.pause.ariaLabel = `${row.pause.textContent} ${worker.name}`;
    row.pause.disabled = row.kill.disabled = isGone || this.drilled === worker.name;
    row.stop.hidden = this.workers.length < 2;
    row.stop.disabled = isGone;
  }

  newRow(name) {
    const parts = {
      state: make("span", { className: "state" }),
      detail: make("p", { className: "detail" }),
      partitions: make("div", { className: "squares", role: "img" }),
    };
    const row = make("li", { className: "worker" },
      make("p", { className: "worker-head" }, make("span", { className: "dot", ariaHidden: true }), make("b", { textContent: name }), parts.state),
      parts.partitions, parts.detail);
    Object.assign(row, parts);
    if (this.isOurs) row.append(this.newActions(row, name));
    this.rows.set(name, row);
    byId("workers").append(row);
    return row;
  }

  newActions(row, name) {
    const action = (label, whatFor, act) => {
      const button = make("button", { type: "button", className: "small", textContent: label, ariaLabel: whatFor });
      button.addEventListener("click", () => this.act(name, act()));
      return button;
    };
    row.pause = action("Pause", `Pause ${name}`, () => (row.dataset.state === "paused" ? "resume" : "pause"));
    row.kill = action("Kill", `Kill ${name} with signal 9`, () => "kill");
    row.stop = action("Stop", `Stop ${name}: it commits and leaves`, () => "stop");
    return make("p", { className: "actions" }, row.pause, row.kill, row.stop);
  }
}

async function attempt(path) {
  try {
    await post(path);
    say("workers", "");
  } catch (error) { say("workers", error.message); }
}

function showStatus(workers) {
  const ready = workers.filter((worker) => worker.state === "ready").length;
  const all = workers.length;
  const one = workers[0];
  byId("status").dataset.state = ready === all && all ? "ready" : ready ? "partly" : one?.state ?? "gone";
  byId("status-text").textContent = all === 1
    ? `${one.name} ${STATES[one.state] ?? one.state}`
    : `${ready} of ${all} workers ready`;
}
