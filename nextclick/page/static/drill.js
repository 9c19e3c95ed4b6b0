// The account of every click, and a kill with its recovery.

import { byId, make } from "./elements.js";
import { count, seconds, several } from "./words.js";

const ACCOUNT = [
  ["records", "clicks in the topic"],
  ["listed", "with a list"],
  ["dead_letters", "dead letters"],
  ["waiting", "waiting"],
  ["lost", "lost"],
  ["applied_twice", "applied twice"],
];
const MUST_BE_ZERO = new Set(["lost", "applied_twice"]);
const STEPS = ["killed", "gone", "started", "ready", "first list", "caught up"];
const LISTS = {
  identical: ["good", (one) => `Your list came back identical: ${count(one.your_bytes)} bytes, SHA-256 ${one.your_digest}…`],
  as_published: ["good", () => "A click of yours was on its way: your list is another one, and the worker answers the one that was published for it, score by score."],
  clicked_meanwhile: ["", () => "You went on clicking: there is nothing to compare your list with."],
  different: ["bad", () => "Your list came back different."],
  unknown: ["", () => "Your list could not be asked for before and after."],
};

export class Drill {
  hello(message) {
    this.isOurs = message.has_red_button;
    if (!this.isOurs) {
      byId("account-note").textContent =
        "Counted from the topics alone since this page was started. What is lost or applied twice is judged in the demo, " +
        "which sees every user’s first click.";
    }
  }

  account(balance) {
    const shown = ACCOUNT.filter(([name]) => this.isOurs || !MUST_BE_ZERO.has(name));
    byId("account").replaceChildren(...shown.map(([name, label]) => {
      const isKnown = name !== "applied_twice" || balance.states > 0;
      const verdict = MUST_BE_ZERO.has(name) && isKnown ? (balance[name] ? "bad" : "good") : "";
      return make("div", { className: verdict }, make("dt", { textContent: label }),
        make("dd", { textContent: isKnown ? count(balance[name]) : "–" }));
    }));
    byId("account-note").title =
      `${count(balance.states)} users’ states compared; ${count(balance.again)} lists published again, ${count(balance.changed)} of them changed.`;
  }

  show(message) {
    byId("drill").hidden = false;
    byId("drill-title").textContent = this.title(message);
    const reached = new Map(message.steps.map((step) => [step.name, step.after_s]));
    byId("steps").replaceChildren(...STEPS.map((name) => step(name, reached.get(name), message.is_over)));
    byId("verdicts").replaceChildren(...verdicts(message).map(([kind, text]) =>
      make("li", { className: kind, textContent: text })));
  }

  title(message) {
    if (message.failure) return `${message.worker} did not come back: ${message.failure}`;
    const back = message.steps.find((one) => one.name === "caught up");
    return back ? `${message.worker} recovered in ${seconds(back.after_s)}` : `${message.worker} is killed`;
  }
}

function step(name, after, isOver) {
  const state = after !== undefined ? "done" : isOver ? "skipped" : "open";
  return make("li", { className: state }, make("span", { className: "step-name", textContent: name }),
    make("span", { className: "step-time", textContent: after === undefined ? "" : seconds(after) }));
}

function verdicts(message) {
  if (!message.is_over || message.failure) return [];
  const again = message.changed ? `${several(message.changed, "list was", "lists were")} published again with other bytes.`
    : message.again ? `${several(message.again, "list was", "lists were")} published again, byte for byte the same.`
      : "No list had to be published again.";
  const [kind, say] = LISTS[message.your_list] ?? ["", () => ""];
  return [
    [message.lost || message.applied_twice ? "bad" : "good",
      `${several(message.clicks, "click", "clicks")} since the kill: ${count(message.lost)} lost, ${count(message.applied_twice)} applied twice (${count(message.states)} users’ states compared).`],
    [message.changed ? "bad" : "", again],
    [kind, say(message)],
  ].filter(([, text]) => text);
}
