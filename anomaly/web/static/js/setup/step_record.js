// Step 3: record normal sound, with a countdown and the operating states seen so far.
import { field, h, replace } from "../dom.js";
import { number, t } from "../i18n.js";
import { act, announce, failed } from "../notices.js";
import { sensorName } from "../states.js";
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
    await awaitJob(id, (now) => {
      bar.value = now.progress ?? 0;
      left.textContent = clock(now.remaining_s ?? state.minutes * 60 * (1 - bar.value));
      const seconds = Object.entries(now.seconds);
      seen.textContent = seconds.length ? t("setup.record.seen", { seconds: seconds.map(([status, n]) => `${number(n)} s ${sensorName(status)}`).join(", ") }) : "";
    });
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
