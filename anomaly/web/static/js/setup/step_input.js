// Step 2: the input, its level and spectrum live, and what is wrong with it.
import { get, post, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { number, t } from "../i18n.js";
import { items } from "../lists.js";
import { empty, failed, load } from "../notices.js";
import { isDeaf, sensorName } from "../states.js";
import { follow } from "../stream.js";
import { drawSpectrum } from "./spectrum.js";

let stream = null;

/** Step that chooses an input. */
export const inputStep = {
  key: "input",
  done: (state) => Boolean(state.device),
  said: (state) => state.device_name ?? state.device,
  leave: () => stream?.close(),
  draw: (body, state, next) => load(body, () => get("/devices"), (answer) => choice(items(answer), state, next)),
};

function choice(devices, state, next) {
  if (devices.length === 0) return empty(t("setup.input.none"), t("setup.input.none.hint"), h("button", { type: "button", onclick: () => location.reload() }, t("again")));
  const view = h("div", { class: "stack" });
  const go = h("button", { type: "button", class: "primary", disabled: true }, t("setup.next"));
  const inputs = devices.map((device) => {
    const radio = h("input", { type: "radio", name: "device", value: device.id, disabled: Boolean(device.problem), onchange: () => listen(view, device, go) });
    return h("label", { class: "choice" }, radio, h("span", null, device.name, h("span", { class: "hint" }, ` ${device.id}`),
      device.problem ? h("span", { class: "hint" }, ` – ${device.problem}`) : device.machines.length ? h("span", { class: "hint" }, ` – ${t("setup.input.used", { machine: device.machines.join(", ") })}`) : null));
  });
  go.addEventListener("click", () => {
    const chosen = devices.find((device) => device.id === inputs.map((label) => label.querySelector("input")).find((radio) => radio.checked)?.value);
    stream?.close();
    next({ device: chosen.id, device_name: chosen.name });
  });
  return [h("fieldset", null, h("legend", { class: "label" }, t("setup.input.which")), h("div", { class: "inputs" }, inputs)), view, h("div", { class: "buttons" }, go)];
}

async function listen(view, device, go) {
  stream?.close();
  go.disabled = false;
  const bar = h("i");
  const value = h("span", { class: "hint" }, t("setup.input.waiting"));
  const verdict = h("div", { class: "notice", role: "status" }, h("p", null, t("setup.input.waiting")));
  const canvas = h("canvas", { class: "spectrum", role: "img", "aria-label": t("setup.input.spectrum"), width: 800, height: 180 });
  replace(view, h("div", { class: "meter" }, h("span", { class: "label" }, t("setup.input.level")), h("div", { class: "track", "aria-hidden": "true" }, bar), value),
    h("figure", null, h("figcaption", { class: "label" }, t("setup.input.spectrum")), canvas), verdict);
  try {
    const begun = await post(`/devices/${segment(device.id)}/listen`, {});
    stream = follow(begun.stream.replace(/^\/api\/v1/, ""), {}, {
      level: (event) => {
        showLevel(bar, value, event);
        drawSpectrum(canvas, event.spectrum, event.frequencies_hz);
        showVerdict(verdict, event);
      },
      error: (event) => replace(view, failed(event, () => listen(view, device, go))),
    });
  } catch (error) {
    go.disabled = true;
    replace(view, failed(error, () => listen(view, device, go)));
  }
}

function showLevel(bar, value, event) {
  const level = event.level_dbfs;
  bar.style.width = `${Math.max(0, Math.min(100, ((level + 90) / 90) * 100))}%`;
  bar.className = level > -3 ? "loud" : level < -70 ? "quiet" : "";
  value.textContent = t("setup.input.dbfs", { level: number(level, 3) });
}

function showVerdict(verdict, event) {
  const { fault } = event;
  const bad = isDeaf(fault);
  verdict.className = bad ? "notice bad" : "notice good";
  const text = bad ? sensorName(fault) : t("setup.input.fine");
  if (verdict.dataset.text === text) return;
  verdict.dataset.text = text;
  replace(verdict, h("p", null, h("strong", null, text)), bad ? h("p", null, t(`sensor-check.${fault}`)) : null);
}
