// Commissioning: from a microphone to a watched machine, one step after the other.
import { h, replace } from "../dom.js";
import { t } from "../i18n.js";
import { failed, loading } from "../notices.js";
import { heading, may, startPage } from "../shell.js";
import { forget, keep, kept } from "../setup/progress.js";
import { addMachine, machineStep } from "../setup/step_machine.js";
import { inputStep } from "../setup/step_input.js";
import { recordStep } from "../setup/step_record.js";
import { trainStep } from "../setup/step_train.js";
import { activateStep, alertStep, budgetStep } from "../setup/last_steps.js";

const STEPS = [machineStep, inputStep, recordStep, trainStep, budgetStep, alertStep, activateStep];
const list = h("ol", { class: "steps plain" });
let open = null;

startPage(t("setup.title"), async (main, site) => {
  const anew = h("button", { type: "button", class: "right", onclick: () => { forget(); location.reload(); } }, t("setup.anew"));
  replace(main, heading(t("setup.title"), [], anew), h("p", null, t("setup.text")), may(site, "admin") ? list : h("p", { class: "notice" }, t("setup.may-not")));
  if (may(site, "admin")) await draw();
});

async function draw() {
  const state = kept();
  const now = STEPS.findIndex((step) => !step.done(state));
  const current = STEPS[now];
  open?.leave?.();
  open = current;
  const body = h("div", { class: "body" }, loading());
  replace(list, STEPS.map((step, at) => item(step, at, now, state, at === now ? body : null)));
  const next = async (values) => {
    try {
      if (step(current) === "input") await addMachine({ ...state, ...values });
      keep(values);
      await draw();
      list.querySelector(".now h2").focus();
    } catch (error) {
      if (error.status === undefined) console.error(error);
      body.prepend(failed(error));
    }
  };
  try {
    await current.draw(body, state, next);
  } catch (error) {
    if (error.status === undefined) console.error(error);
    replace(body, failed(error, draw));
  }
}

const step = (found) => found.key;

function item({ key, said }, at, now, state, body) {
  const place = at < now ? "done" : at === now ? "now" : "later";
  return h("li", { class: `panel step ${place}`, "aria-current": at === now ? "step" : null },
    h("h2", { tabindex: "-1" }, h("span", { class: "nr", "aria-hidden": "true" }, at < now ? "✓" : String(at + 1)), t(`setup.${key}.title`), at < now ? h("span", { class: "said" }, said(state)) : null), body);
}
