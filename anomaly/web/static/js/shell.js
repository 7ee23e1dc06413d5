// Frame of each page: header, menu, and what the viewer may do.
import { get, post, useToken } from "./api.js";
import { h, replace, field } from "./dom.js";
import { t, language } from "./i18n.js";
import { failed, loading } from "./notices.js";

const EARLIER_NAMES = { operate: "act", administer: "admin" };
const LINKS = [["/", "nav.overview"], ["/cases", "nav.cases"], ["/setup", "nav.setup"], ["/system", "nav.system"]];

/** Draw the frame, then the page. `render(main, site)` may fail: the page then says so. */
export async function startPage(title, render) {
  const main = document.getElementById("main");
  document.title = `${title} – anomaly`;
  document.body.prepend(h("a", { class: "skip", href: "#main" }, t("skip")));
  drawHeader(null);
  replace(main, loading());
  try {
    const site = await get("/site");
    useToken(site.csrf);
    drawHeader(site);
    replace(main);
    await render(main, site);
  } catch (error) {
    if (error.status === 401) return;
    if (error.status === undefined) console.error(error);
    replace(main, failed(error, () => location.reload()));
  }
}

/** Return whether the viewer has a right: `view`, `act`, `admin` or `listen`. */
export function may(site, right) {
  return site.user.rights.some((name) => (EARLIER_NAMES[name] ?? name) === right);
}

/** Return the part of the address that names a thing: the n-th segment of the path. */
export function fromPath(at) {
  return decodeURIComponent(location.pathname.split("/")[at + 1] ?? "");
}

/** Create the heading of a page, with the way back above it. */
export function heading(title, crumbs = [], ...right) {
  document.title = `${title} – anomaly`;
  return h("div", null,
    crumbs.length ? h("nav", { class: "crumbs", "aria-label": t("nav.crumbs") }, crumbs.map(([href, text]) => [h("a", { href }, text), " › "])) : null,
    h("div", { class: "head" }, h("h1", null, title), right));
}

function drawHeader(site) {
  replace(document.getElementById("header"), h("div", { class: "bar" },
    h("a", { class: "brand", href: "/" }, h("img", { src: "/static/icon.svg", alt: "", width: "28", height: "28" }), site?.name || "anomaly"),
    h("nav", { "aria-label": t("nav.main") }, LINKS.map(([href, key]) => h("a", { href, "aria-current": isHere(href) ? "page" : null }, t(key)))),
    h("div", { class: "right" }, h("span", { class: "offline", id: "connection", role: "status" }), menu(site))));
}

function isHere(href) {
  if (href === "/") return location.pathname === "/" || location.pathname.startsWith("/machines");
  return location.pathname.startsWith(href);
}

function menu(site) {
  const user = site?.user?.name;
  const colours = select([["", "menu.system"], ["light", "menu.light"], ["dark", "menu.dark"]], localStorage.getItem("theme") ?? "", keep("theme"));
  const words = h("select", { onchange: keep("language") },
    [["en", "English"], ["de", "Deutsch"]].map(([value, text]) => h("option", { value, lang: value, selected: value === language }, text)));
  const details = h("details", { class: "menu" },
    h("summary", null, user || t("menu")),
    h("div", null, field(t("menu.language"), words), field(t("menu.colours"), colours),
      site?.user?.role ? h("p", { class: "hint" }, t("menu.role", { role: t(`role.${site.user.role}`) })) : null,
      site ? h("p", { class: "hint" }, `anomaly ${site.version ?? ""}`) : null,
      user ? h("button", { type: "button", onclick: leave }, t("menu.logout")) : null));
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    details.querySelector("summary").focus();
  });
  return details;
}

function select(options, chosen, onchange) {
  return h("select", { onchange }, options.map(([value, key]) => h("option", { value, selected: value === chosen }, t(key))));
}

function keep(name) {
  return (event) => {
    localStorage.setItem(name, event.target.value);
    location.reload();
  };
}

async function leave() {
  await post("/logout").catch(() => null);
  location.assign("/login");
}
