// Steps 5 to 7: what the model promises and the budget, a test alert, and the activation.
import { get, post, segment } from "../api.js";
import { field, h, replace, table } from "../dom.js";
import { t } from "../i18n.js";
import { items } from "../lists.js";
import { act, empty, load } from "../notices.js";
import { forget } from "./progress.js";

const BUDGETS = { "24": "an-hour", "1": "a-day", "0.142857": "a-week", "0.032877": "a-month" };

/** Step that says what the model can promise, and sets the budget of false alarms. */
export const budgetStep = {
  key: "budget",
  done: (state) => Boolean(state.budget),
  said: (state) => t(`setup.budget.${BUDGETS[state.budget] ?? "a-day"}`),
  draw: (body, state, next) => load(body, () => get(`/machines/${segment(state.machine)}/model`).catch(() => ({})), (model) => {
    const promise = model?.promise ?? state.promise;
    const budget = h("select", null, Object.entries(BUDGETS).map(([value, key]) => h("option", { value, selected: key === "a-day" }, t(`setup.budget.${key}`))));
    return [h("div", { class: promise ? "notice good" : "notice warn" }, h("p", null, promise ?? t("setup.budget.no-promise"))),
      h("form", { onsubmit: (event) => { event.preventDefault(); next({ budget: budget.value }); } },
        h("p"), field(t("setup.budget.label"), budget, t("setup.budget.hint")), h("button", { class: "primary" }, t("setup.next")))];
  }),
};

/** Step that sends a test alert to each receiver. */
export const alertStep = {
  key: "alert",
  done: (state) => Boolean(state.tested),
  said: (state) => t(state.tested === "none" ? "setup.alert.skipped" : "setup.alert.said"),
  draw: (body, state, next) => load(body, () => get("/system"), (system) => {
    const sinks = items(system.sinks);
    const go = h("button", { type: "button", class: "primary", onclick: () => next({ tested: sinks.length ? "sent" : "none" }) }, t("setup.next"));
    if (sinks.length === 0) return [empty(t("setup.alert.none"), t("setup.alert.none.hint")), h("div", { class: "buttons" }, go)];
    const rows = sinks.map((sink) => {
      const result = h("span", { role: "status" });
      return [sink.name, sink.kind ?? "", h("div", { class: "buttons" }, h("button", {
        type: "button", class: "small",
        onclick: async (event) => {
          const answer = await act(event.target, () => post(`/sinks/${segment(sink.name)}/test`, { machine: state.machine }));
          if (answer !== undefined) result.textContent = t("setup.alert.arrived");
        },
      }, t("system.test")), result)];
    });
    return [h("p", null, t("setup.alert.text")), table(t("system.sinks"), [t("system.name"), t("system.kind"), t("system.action")], rows), h("div", { class: "buttons" }, go)];
  }),
};

/** Step that puts the machine under watch. */
export const activateStep = {
  key: "activate",
  done: () => false,
  said: () => "",
  async draw(body, state) {
    const finish = async (event) => {
      const answer = await act(event.target, () => post(`/machines/${segment(state.machine)}/activate`, { false_alarms_per_day: Number(state.budget) }));
      if (answer === undefined) return;
      forget();
      replace(body, h("div", { class: "notice good", role: "status" }, h("p", null, answer?.message ?? t("setup.activate.done", { machine: state.display_name || state.machine }))),
        h("p", { class: "buttons" }, h("a", { class: "button primary", href: `/machines/${segment(state.machine)}` }, t("setup.activate.open")), h("a", { class: "button", href: "/" }, t("nav.overview"))));
    };
    replace(body, h("p", null, t("setup.activate.text", { machine: state.display_name || state.machine })), h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", onclick: finish }, t("setup.activate.button"))));
  },
};
