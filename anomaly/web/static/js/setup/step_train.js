// Step 4: train, with progress; the work goes on when the tab is closed.
import { h, replace } from "../dom.js";
import { named, number, t } from "../i18n.js";
import { act, announce, failed } from "../notices.js";
import { awaitJob, startJob } from "./job.js";
import { keep } from "./progress.js";

const PROFILES = ["fast", "standard", "best"];

/** Step that trains. */
export const trainStep = {
  key: "train",
  done: (state) => Boolean(state.trained),
  said: () => t("setup.train.said"),
  async draw(body, state, next) {
    if (state.train_job) return watch(body, state.train_job, state, next);
    const choices = PROFILES.map((name) => h("label", { class: "choice" }, h("input", { type: "radio", name: "profile", value: name, checked: name === "standard" }), h("span", null, t(`setup.train.${name}`))));
    const begin = async (event) => {
      event.preventDefault();
      const profile = new FormData(event.target).get("profile");
      const id = await act(event.submitter, () => startJob({ kind: "train", machine: state.machine, profile }));
      if (!id) return;
      Object.assign(state, keep({ train_job: id }));
      await watch(body, id, state, next);
    };
    replace(body, h("form", { onsubmit: begin }, h("p", null, t("setup.train.text")), h("fieldset", null, h("legend", { class: "label" }, t("setup.train.effort")), h("div", { class: "inputs" }, choices)), h("button", { class: "primary" }, t("setup.train.button"))));
    return undefined;
  },
};

async function watch(body, id, state, next) {
  const phase = h("p", { role: "status" });
  const bar = h("progress", { max: 1, "aria-label": t("setup.train.progress") });
  replace(body, phase, bar, h("p", { class: "hint" }, t("setup.survives")));
  const retry = () => { Object.assign(state, keep({ train_job: null })); delete state.train_job; trainStep.draw(body, state, next); };
  try {
    const job = await awaitJob(id, (now) => {
      if (Number.isFinite(now.progress)) bar.value = now.progress;
      const text = now.stage ? named("phase", now.stage) : t("job.waiting");
      phase.textContent = t("setup.train.at", { phase: text, percent: number(Math.round((now.progress ?? 0) * 100)) });
    });
    announce(t("setup.train.done"));
    await next({ trained: true, promise: job.result?.promise ?? null });
  } catch (error) {
    const more = () => { keep({ train_job: null, record_job: null, recorded: null }); location.reload(); };
    replace(body, failed(error, retry), h("div", { class: "buttons" }, h("button", { type: "button", onclick: more }, t("setup.train.more"))));
  }
}
