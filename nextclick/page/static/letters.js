// Dead letters: by reason, and the newest ones as they were.

import { post } from "./api.js";
import { byId, make } from "./elements.js";
import { say } from "./trouble.js";
import { count, POISONS } from "./words.js";

const LETTERS_SHOWN = 5;

export class Letters {
  constructor() {
    byId("send-poison").addEventListener("click", () => send(byId("poison").value));
  }

  hello(message) {
    byId("poison-fields").hidden = message.poisons.length === 0;
    if (byId("poison").options.length === 0) {
      byId("poison").append(...message.poisons.map((reason) =>
        make("option", { value: reason, textContent: POISONS[reason] ?? reason })));
    }
    byId("letters").replaceChildren();
    message.letters.forEach((letter) => this.letter(letter));
  }

  figures(message) {
    const reasons = Object.entries(message.reasons);
    const most = Math.max(1, ...reasons.map(([, number]) => number));
    byId("reasons").replaceChildren(...(reasons.length ? reasons.map(([reason, number]) => bar(reason, number, most))
      : [make("li", { className: "nothing", textContent: "None: every record was a click." })]));
  }

  letter(message) {
    const log = byId("letters");
    log.prepend(make("li", {},
      make("p", {}, make("b", { textContent: message.reason }), ` ${message.detail}`),
      make("code", { textContent: message.value }),
      make("p", { className: "note", textContent: message.source })));
    while (log.childElementCount > LETTERS_SHOWN) log.lastElementChild.remove();
  }
}

async function send(reason) {
  try {
    await post("/api/poison", { reason });
    say("poison", "");
  } catch (error) { say("poison", `No poison was sent. ${error.message}`); }
}

function bar(reason, number, most) {
  const filled = make("span", { className: "filled" });
  filled.style.width = `${100 * number / most}%`;
  return make("li", {}, make("span", { className: "reason", textContent: reason }),
    make("span", { className: "track", ariaHidden: true }, filled), make("b", { textContent: count(number) }));
}
