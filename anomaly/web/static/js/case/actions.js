// Actions on a case: acknowledge, comment, assign, shelve, close with a finding, and "this was normal".
import { post, segment } from "../api.js";
import { field, h } from "../dom.js";
import { t } from "../i18n.js";
import { act, confirmed } from "../notices.js";

const HOURS = [1, 4, 12, 24, 72, 168];
const FINDINGS = ["inner-race", "outer-race", "ball", "cage", "gear", "unbalance", "misalignment", "looseness", "blade", "electrical", "other", "none"];

/** Create the forms of a case. `done()` is called after each change. */
export function actions(found, done) {
  const open = found.state !== "closed";
  const send = (name, body, said) => async (button) => {
    const result = await act(button, () => post(`/cases/${segment(found.id)}/${name}`, body()), said);
    if (result !== undefined) await done();
  };
  return [
    open ? firstButtons(found, send) : h("p", { class: "notice" }, t("case.closed.hint")),
    comment(send),
    open ? assign(found, send) : null,
    open ? shelve(found, send) : null,
    open ? close(send) : null,
  ];
}

function firstButtons(found, send) {
  const waiting = found.state !== "active-acknowledged";
  const acknowledge = send("acknowledge", () => ({ note: "" }), t("case.acknowledged"));
  const normal = send("normal", () => ({ note: "" }), t("case.normal.done"));
  return h("div", { class: "buttons field" },
    waiting ? h("button", { type: "button", class: "primary", "data-action": "acknowledge", onclick: (event) => acknowledge(event.target) }, t("case.acknowledge")) : null,
    found.kind === "machine" ? h("button", {
      type: "button", "data-action": "normal",
      onclick: async (event) => {
        const button = event.target;
        if (await confirmed(t("case.normal"), t("case.normal.ask"), t("case.normal"))) await normal(button);
      },
    }, t("case.normal")) : null);
}

function form(name, title, button, controls, run) {
  return h("details", { "data-action": name }, h("summary", null, title),
    h("form", { onsubmit: (event) => { event.preventDefault(); run(event.submitter ?? event.target.querySelector("button")); } }, controls, h("button", null, button)));
}

function comment(send) {
  const text = h("textarea", { required: true, maxlength: 2000 });
  return form("comment", t("case.comment"), t("case.comment.button"), field(t("case.comment.label"), text), send("comment", () => ({ text: text.value }), t("case.comment.done")));
}

function assign(found, send) {
  const name = h("input", { value: found.assigned_to ?? "", maxlength: 100 });
  return form("assign", t("case.assign"), t("case.assign.button"), field(t("case.assign.label"), name, t("case.assign.hint")), send("assign", () => ({ to: name.value }), t("case.assign.done")));
}

function shelve(found, send) {
  if (found.silenced_until && new Date(found.silenced_until) > new Date()) {
    return form("unshelve", t("case.unshelve"), t("case.unshelve"), h("p", { class: "hint" }, t("case.unshelve.hint")), send("unshelve", () => ({ note: "" }), t("case.unshelve.done")));
  }
  const hours = h("select", null, HOURS.map((value) => h("option", { value: String(value) }, t(`case.hours.${value}`))));
  const note = h("input", { maxlength: 500 });
  return form("shelve", t("case.shelve"), t("case.shelve.button"), [field(t("case.shelve.label"), hours, t("case.shelve.hint")), field(t("case.note"), note)],
    send("shelve", () => ({ for_s: Number(hours.value) * 3600, note: note.value }), t("case.shelve.done")));
}

function close(send) {
  const finding = h("select", { required: true }, h("option", { value: "" }, t("case.close.choose")), FINDINGS.map((name) => h("option", { value: name }, t(`finding.${name}`))));
  const action = h("input", { maxlength: 500 });
  const note = h("input", { maxlength: 500 });
  return form("close", t("case.close"), t("case.close.button"), [field(t("case.close.label"), finding), field(t("case.close.action"), action), field(t("case.note"), note)],
    send("close", () => ({ finding: finding.value, action: action.value, note: note.value }), t("case.close.done")));
}
