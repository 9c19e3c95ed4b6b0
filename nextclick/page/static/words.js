// Numbers and the worker's words, for a person.

const whole = new Intl.NumberFormat("en");

export const count = (number) => whole.format(Math.round(number));
export const share = (number) => number.toFixed(4).replace(/^0/, "");
export const seconds = (number) => `${number.toFixed(1)} s`;
export const several = (number, one, more) => `${count(number)} ${number === 1 ? one : more}`;

export function milliseconds(number) {
  if (number < 1000) return `${Math.round(number)} ms`;
  return number < 10_000 ? seconds(number / 1000) : `${count(number / 1000)} s`;
}

export function place(number) {
  const tens = number % 100;
  const ending = tens > 10 && tens < 14 ? "th" : ({ 1: "st", 2: "nd", 3: "rd" })[number % 10] ?? "th";
  return `${number}${ending}`;
}

export const STRATEGIES = {
  personal: ["personal", "Ranked from your own state, one step further with each click."],
  popular: ["popular", "Nothing is known of you yet: what everybody clicks most."],
  trending: ["trending", "Nothing is known of you yet: what everybody clicks just now."],
  rebuilt: ["rebuilt", "Your state was rebuilt from your last clicks, because the model changed."],
  single_click: ["single click", "Ranked from this click alone."],
};

export const STATES = {
  starting: "starting",
  ready: "ready",
  not_ready: "not ready",
  paused: "paused",
  gone: "gone",
};

export const POISONS = {
  not_json: "no JSON",
  missing_field: "an item is missing",
  wrong_type: "the item is a list",
  timestamp_in_future: "a click of the next century",
  key_mismatch: "somebody else’s key",
};
