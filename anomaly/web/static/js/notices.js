// Loading, empty and error states, messages, and questions before an action.
import { h, replace } from "./dom.js";
import { t } from "./i18n.js";

export const loading = (text = t("loading")) => h("div", { class: "loading", role: "status" }, text);

/** Create the state of a list without entries: what it would show, and what to do. */
export function empty(title, text, ...actions) {
  return h("div", { class: "empty" }, h("h2", null, title), text ? h("p", null, text) : null, actions.length ? h("div", { class: "buttons" }, actions) : null);
}

/** Create the state after an error, with a way to try again. */
export function failed(error, retry = null) {
  return h("div", { class: "notice bad", role: "alert" },
    h("p", null, h("strong", null, error.message || t("error.500"))),
    error.hint ? h("p", null, error.hint) : null,
    retry ? h("div", { class: "buttons" }, h("button", { type: "button", onclick: retry }, t("again"))) : null);
}

/** Fill an element with what a request gives; shows that it loads, and its error with a way to repeat it. */
export async function load(element, request, render) {
  if (!element.hasChildNodes()) replace(element, loading());
  element.setAttribute("aria-busy", "true");
  try {
    replace(element, await render(await request()));
  } catch (error) {
    if (!(error instanceof Error) || error.status === undefined) console.error(error);
    replace(element, failed(error, () => { replace(element); load(element, request, render); }));
  } finally {
    element.removeAttribute("aria-busy");
  }
}

/** Say a sentence to screen readers. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

let shown = null;

/** Show a short message for some seconds. */
export function toast(text, bad = false) {
  shown?.remove();
  shown = h("div", { class: bad ? "toast bad" : "toast", role: bad ? "alert" : "status" }, text);
  document.body.append(shown);
  const mine = shown;
  setTimeout(() => mine.remove(), bad ? 10000 : 5000);
}

/** Run an action of a button: locks it meanwhile, and says how it ended. */
export async function act(button, action, done = null) {
  button.disabled = true;
  try {
    const result = await action();
    if (done) toast(done);
    return result;
  } catch (error) {
    toast([error.message, error.hint].filter(Boolean).join(" "), true);
    return undefined;
  } finally {
    button.disabled = false;
  }
}

/** Ask before an action that cannot be taken back easily. */
export function confirmed(title, text, yes) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
      h("h2", { id: "dialog-title" }, title), h("p", null, text),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "primary", onclick: () => dialog.close("yes") }, yes),
        h("button", { type: "button", onclick: () => dialog.close("no") }, t("cancel"))));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
