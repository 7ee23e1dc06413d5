// Sound of a case beside the most similar normal sound.
import { address, segment } from "../api.js";
import { h } from "../dom.js";
import { number, t, when } from "../i18n.js";
import { items } from "../lists.js";
import { empty } from "../notices.js";
import { may } from "../shell.js";

/** Create two players; says why there is nothing to play. */
export function clipPair(answer, site) {
  const found = items(answer?.clips ?? answer);
  if (found.length === 0) return empty(t("clip.none"), t("clip.none.hint"));
  const listens = may(site, "listen");
  const normal = answer?.normal ?? found.find((clip) => clip.normal ?? clip.nearest_normal)?.nearest_normal ?? null;
  const own = found.filter((clip) => clip !== normal);
  return [listens ? null : h("p", { class: "notice" }, t("clip.may-not")),
    h("div", { class: "clips" }, player(own[0], t("clip.case"), listens), normal ? player(normal, t("clip.normal"), listens) : h("p", { class: "hint" }, t("clip.no-normal"))),
    own.length > 1 ? h("details", null, h("summary", null, t("clip.more")), h("div", { class: "clips" }, own.slice(1).map((clip) => player(clip, t("clip.case"), listens)))) : null];
}

function player(clip, title, listens) {
  const base = address(`/clips/${segment(clip.id)}`);
  const cursor = h("i", { class: "cursor", hidden: true });
  const picture = h("img", { src: clip.picture ?? `${base}.png`, alt: t("clip.picture", { title }), loading: "lazy" });
  const frame = h("div", { class: "frame" }, picture, cursor);
  picture.addEventListener("error", () => { frame.hidden = true; });
  const plays = listens && clip.content !== "features" && !clip.removed;
  const audio = plays ? h("audio", { controls: true, preload: "none", src: clip.audio ?? `${base}.wav`, "aria-label": title }) : null;
  audio?.addEventListener("timeupdate", () => {
    cursor.hidden = false;
    cursor.style.left = `${(audio.currentTime / (audio.duration || 1)) * 100}%`;
  });
  const note = clip.removed ? t("clip.removed") : clip.content === "features" ? t("clip.features") : clip.content === "speech-filtered" ? t("clip.filtered") : null;
  return h("figure", { class: "clip" }, h("figcaption", null, h("strong", null, title), " ", h("span", { class: "hint" }, clip.begin ? when(clip.begin) : "", Number.isFinite(clip.seconds) ? `, ${number(clip.seconds, 2)} s` : "")),
    frame, audio, note ? h("p", { class: "hint" }, note) : null);
}
