// Login with user and password, or with a token.
import { post } from "../api.js";
import { field, h, replace } from "../dom.js";
import { t } from "../i18n.js";
import { failed } from "../notices.js";

document.title = `${t("login.title")} – anomaly`;
document.getElementById("header").hidden = true;
const name = h("input", { name: "username", autocomplete: "username", required: true, autofocus: true });
const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
const problem = h("div", { class: "field" });
const button = h("button", { class: "primary" }, t("login.button"));
const form = h("form", { class: "panel login", onsubmit: enter },
  h("div", { class: "head" }, h("img", { src: "/static/icon.svg", alt: "", width: "32", height: "32" }), h("h1", null, t("login.title"))),
  problem, field(t("login.name"), name), field(t("login.password"), password), button,
  h("p", { class: "hint" }, t("login.hint")));
replace(document.getElementById("main"), form);
name.focus();

async function enter(event) {
  event.preventDefault();
  button.disabled = true;
  try {
    await post("/login", { name: name.value, password: password.value });
    location.assign(target());
  } catch (error) {
    replace(problem, failed(error));
    password.value = "";
    password.focus();
  } finally {
    button.disabled = false;
  }
}

// Only a path of this host: an address elsewhere in the link must not be followed.
function target() {
  const next = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
  return next.origin === location.origin ? next.pathname + next.search : "/";
}
