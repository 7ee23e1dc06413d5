// Step 1: the name of the machine and its place.
import { get, post } from "../api.js";
import { field, h, replace } from "../dom.js";
import { t } from "../i18n.js";
import { items } from "../lists.js";
import { failed } from "../notices.js";

const LEGAL = /[^a-z0-9_-]+/g;

/** Step that names the machine. */
export const machineStep = {
  key: "machine",
  done: (state) => Boolean(state.machine),
  said: (state) => [state.display_name || state.machine, state.location].filter(Boolean).join(", "),
  async draw(body, state, next) {
    const known = items(await get("/machines").catch(() => [])).map((machine) => machine.machine);
    const shown = h("input", { value: state.display_name ?? "", required: true, maxlength: 60, autocomplete: "off" });
    const place = h("input", { value: state.location ?? "", maxlength: 60, autocomplete: "off" });
    const problem = h("div", { class: "field" });
    const save = (event) => {
      event.preventDefault();
      const name = state.machine ?? short(shown.value);
      if (!name) return replace(problem, failed({ message: t("setup.machine.bad"), hint: t("setup.machine.bad.hint") }));
      if (known.includes(name) && name !== state.machine) return replace(problem, failed({ message: t("setup.machine.known", { name }), hint: t("setup.machine.known.hint") }));
      return next({ machine: name, display_name: shown.value.trim(), location: place.value.trim() });
    };
    replace(body, h("form", { onsubmit: save }, problem,
      field(t("setup.machine.name"), shown, t("setup.machine.name.hint")), field(t("setup.machine.place"), place, t("setup.machine.place.hint")),
      h("button", { class: "primary" }, t("setup.next"))));
    shown.focus();
  },
};

/** Return a name for files and topics: small letters, digits and hyphens. */
function short(text) {
  const plain = text.toLowerCase().replace(/ä/g, "ae").replace(/ö/g, "oe").replace(/ü/g, "ue").replace(/ß/g, "ss").normalize("NFKD").replace(/[\u0300-\u036f]/g, "");
  return plain.replace(LEGAL, "-").replace(/^-+|-+$/g, "").slice(0, 40);
}

/** Tell the server of the machine. */
export const addMachine = (state) => post("/machines", { machine: state.machine, display_name: state.display_name, location: state.location || null, device: state.device });
