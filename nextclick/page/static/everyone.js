// Everyone: the figures of all users, once a second.

import { post } from "./api.js";
import { Chart } from "./chart.js";
import { byId } from "./elements.js";
import { say } from "./trouble.js";
import { count, milliseconds, share } from "./words.js";

const MODEL = "model", POPULAR = "popular";
const SLOWEST = 1;

export class Everyone {
  constructor() {
    this.charts = null;
    this.most = 0;
    byId("rate").addEventListener("input", () => this.showRate(this.rateOf(byId("rate").value)));
    byId("rate").addEventListener("change", () => this.setRate());
  }

  hello(message) {
    this.most = message.most_per_s;
    byId("rate-field").hidden = !this.most;
    if (this.most) {
      byId("everyone-text").textContent =
        `${count(message.crowd_users)} real users, held out from training, click beside you: their clicks of 1998, replayed. ` +
        "When they are through they begin again under new names.";
    }
    this.charts = makeCharts(message.list_length);
    byId("charts").replaceChildren(...Object.values(this.charts).map((chart) => chart.element));
    message.figures.forEach((figures) => this.add(figures));
    this.draw();
    const newest = message.figures.at(-1);
    if (newest) this.rate(newest.rate);
  }

  figures(message) {
    if (!this.charts) return;
    this.add(message);
    this.draw();
    this.rate(message.rate);
  }

  add(figures) {
    const { latency, quality } = figures;
    const values = {
      flow: [figures.lists_per_s, figures.clicks_per_s],
      latency: latency ? [latency.p50, latency.p90, latency.p99] : [null, null, null],
      waiting: [figures.balance.waiting],
      hits: quality ? [quality.hit_rate, quality.popular_hit_rate] : [null, null],
      mrr: quality ? [quality.mrr, quality.popular_mrr] : [null, null],
    };
    for (const [name, chart] of Object.entries(this.charts)) chart.add(figures.at_s, values[name]);
  }

  draw() { Object.values(this.charts).forEach((chart) => chart.draw()); }

  // The slider is logarithmic from its second step on; its first stands for nobody.
  rateOf(step) { return Number(step) === 0 ? 0 : Math.round(SLOWEST * (this.most / SLOWEST) ** ((step - 1) / 99)); }
  stepOf(rate) { return rate < SLOWEST ? 0 : Math.round(1 + 99 * Math.log(rate / SLOWEST) / Math.log(this.most / SLOWEST)); }

  rate(rate) {
    if (rate === null || document.activeElement === byId("rate")) return;
    byId("rate").value = this.stepOf(rate);
    this.showRate(rate);
  }

  showRate(rate) {
    byId("rate-value").textContent = count(rate);
    byId("rate").ariaValueText = rate ? `${count(rate)} clicks per second` : "nobody clicks";
  }

  async setRate() {
    try {
      await post("/api/rate", { clicks_per_s: this.rateOf(byId("rate").value) });
      say("rate", "");
    } catch (error) { say("rate", `The rate is what it was. ${error.message}`); }
  }
}

function makeCharts(k) {
  const flow = [{ label: "lists", style: MODEL }, { label: "clicks", style: POPULAR }];
  const percentiles = [{ label: "p50", style: MODEL }, { label: "p90", style: "middle" }, { label: "p99", style: POPULAR }];
  const beside = [{ label: "model", style: MODEL }, { label: "popularity", style: POPULAR }];
  return {
    flow: new Chart("Per second", "records written to the two topics", flow, count, 10),
    latency: new Chart("Click to list", "click record’s timestamp to list read, last 5 s", percentiles, milliseconds, 20),
    waiting: new Chart("Consumer lag", "clicks that wait for their list", [{ label: "records", style: MODEL }], count, 10),
    hits: new Chart(`HitRate@${k}`, "was the next click on the list? so far", beside, share, 0.1),
    mrr: new Chart(`MRR@${k}`, "one over its place on the list, so far", beside, share, 0.02),
  };
}
