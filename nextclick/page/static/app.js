// The page: one stream of events, handed to the part that shows it.

import { Drill } from "./drill.js";
import { byId } from "./elements.js";
import { Everyone } from "./everyone.js";
import { Letters } from "./letters.js";
import { whenStill } from "./press.js";
import { say } from "./trouble.js";
import { Workers } from "./workers.js";
import { You } from "./you.js";

const RELOAD_AFTER_MS = 1500;
const you = new You(() => listen());
const everyone = new Everyone();
const workers = new Workers((isReady) => you.workersAre(isReady));
const letters = new Letters();
const drill = new Drill();
let stream = null;

const shown = {
  hello(message) {
    say("stream", "");
    you.hello(message);
    everyone.hello(message);
    workers.hello(message);
    letters.hello(message);
    drill.hello(message);
    const newest = message.figures.at(-1);
    if (newest) showStanding(newest);
    byId("model").textContent =
      `${message.items.toLocaleString("en")} items · model ${message.model_id}, trained on ${message.dataset} · ` +
      "everything you see is read from Kafka and from the workers’ own pages";
  },
  list: (message) => you.list(message),
  reasons: (message) => you.reasons(message),
  figures(message) {
    everyone.figures(message);
    showStanding(message);
  },
  workers: (message) => workers.show(message),
  letter: (message) => letters.letter(message),
  drill(message) {
    drill.show(message);
    workers.drill(message);
  },
};

function showStanding(figures) {
  say("server", figures.trouble);
  drill.account(figures.balance);
  letters.figures(figures);
}

function listen() {
  stream?.close();
  stream = new EventSource("/api/events");
  stream.onmessage = (event) => {
    const message = JSON.parse(event.data);
    whenStill(() => shown[message.type]?.(message));
  };
  stream.onerror = () => {
    workers.unreachable();
    say("stream", "The page’s server does not answer: was the demo ended? It is tried again.");
    // Closed for good: another run of the demo does not know this browser.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), RELOAD_AFTER_MS);
  };
}

listen();
