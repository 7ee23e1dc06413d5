// Step 3: record normal sound, with a countdown and the operating states seen so far.
import { field, h, replace } from "../dom.js";
import { named, number, t } from "../i18n.js";
import { items } from "../lists.js";
import { act, announce, failed } from "../notices.js";
import { awaitJob, startJob } from "./job.js";
import { keep } from "./progress.js";

const MINUTES = [1, 10, 30, 60, 180, 480];

/** Step that records. */
export const recordStep = {
  key: "record",
  done: (state) => Boolean(state.recorded),
  said: (state) => t("setup.record.said", { minutes: number(state.minutes, 2) }),
  async draw(body, state, next) {
    if (state.record_job) return watch(body, state.record_job, state, next);
    const minutes = h("select", null, MINUTES.map((value) => h("option", { value: String(value), selected: value === 30 }, t(`setup.minutes.${value}`))));
    const begin = async (event) => {
      event.preventDefault();
      const chosen = Number(minutes.value);
      const id = await act(event.submitter, () => startJob({ kind: "record", machine: state.machine, device: state.device, seconds: chosen * 60 }));
      if (!id) return;
      Object.assign(state, keep({ record_job: id, minutes: chosen }));
      await watch(body, id, state, next);
    };
    replace(body, h("form", { onsubmit: begin }, h("p", null, t("setup.record.text")), h("ul", null, ["running", "states", "noise"].map((key) => h("li", null, t(`setup.record.${key}`)))),
      field(t("setup.record.minutes"), minutes, t("setup.record.minutes.hint")), h("button", { class: "primary" }, t("setup.record.button"))));
    return undefined;
  },
};

async function watch(body, id, state, next) {
  const left = h("p", { class: "countdown", role: "timer" }, "");
  const bar = h("progress", { max: 1, "aria-label": t("setup.record.progress") });
  const seen = h("p", { class: "hint" });
  replace(body, left, bar, seen, h("p", { class: "hint" }, t("setup.survives")));
  const retry = () => { Object.assign(state, keep({ record_job: null })); delete state.record_job; recordStep.draw(body, state, next); };
  try {
    const job = await awaitJob(id, (now) => {
      const share = now.progress ?? now.share ?? 0;
      bar.value = share;
      const seconds = now.remaining_s ?? Math.max(0, (state.minutes ?? 1) * 60 * (1 - share));
      left.textContent = clock(seconds);
      const states = items(now.operating_states ?? now.detail?.operating_states);
      seen.textContent = states.length ? t("setup.record.seen", { states: states.map((name) => named("operating", name)).join(", ") }) : now.message ?? "";
    });
    if (job.state !== "done") throw Object.assign(new Error(job.error?.message ?? job.error ?? t("setup.record.failed")), { status: 0, hint: job.error?.hint ?? t("setup.record.failed.hint") });
    announce(t("setup.record.done"));
    await next({ recorded: true });
  } catch (error) {
    replace(body, failed(error, retry));
  }
}

/** Return minutes and seconds of a countdown. */
export function clock(seconds) {
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const parts = [Math.floor((whole % 3600) / 60), whole % 60].map((part) => String(part).padStart(2, "0"));
  return hours ? `${hours}:${parts.join(":")}` : parts.join(":");
}
