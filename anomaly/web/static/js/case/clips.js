// Sound of a case beside the most similar normal sound.
import { address, segment } from "../api.js";
import { h } from "../dom.js";
import { number, t, when } from "../i18n.js";
import { empty } from "../notices.js";
import { may } from "../shell.js";

// The monitor draws a pixel for each frame, beside an axis of this width.
const AXIS_PIXELS = 50;
const LEAST_PIXELS = 320;
const FRAME_S = 0.032;

/** Create two players; says why there is nothing to play. */
export function clipPair(answer, site) {
  const { clips: own, normal } = answer;
  if (own.length === 0) return empty(t("clip.none"), t("clip.none.hint"));
  const listens = may(site, "listen");
  return [listens ? null : h("p", { class: "notice" }, t("clip.may-not")),
    h("div", { class: normal ? "clips pair" : "clips" }, player(own[0], t("clip.case"), listens), normal ? player(normal, t("clip.normal"), listens) : h("p", { class: "hint" }, t("clip.no-normal"))),
    own.length > 1 ? h("details", null, h("summary", null, t("clip.more")), h("div", { class: "clips" }, own.slice(1).map((clip) => player(clip, t("clip.case"), listens)))) : null];
}

function player(clip, title, listens) {
  const base = address(`/clips/${segment(clip.id)}`);
  const cursor = h("i", { class: "cursor", hidden: true });
  const picture = h("img", { src: `${base}.png`, alt: t("clip.picture", { title }), loading: "lazy" });
  const frame = h("div", { class: "frame" }, h("a", { href: `${base}.png`, title: t("clip.larger") }, picture), cursor);
  picture.addEventListener("error", () => { frame.hidden = true; });
  const plays = listens && clip.content !== "features" && !clip.removed;
  const audio = plays ? h("audio", { controls: true, preload: "none", src: `${base}.wav`, "aria-label": title }) : null;
  audio?.addEventListener("timeupdate", () => {
    cursor.hidden = false;
    const plot = Math.max(LEAST_PIXELS, clip.seconds / FRAME_S);
    cursor.style.left = `${((AXIS_PIXELS + (audio.currentTime / (audio.duration || 1)) * plot) / (picture.naturalWidth || 1)) * 100}%`;
  });
  const note = clip.removed ? t("clip.removed") : clip.content === "features" ? t("clip.features") : clip.content === "speech-filtered" ? t("clip.filtered") : null;
  return h("figure", { class: "clip" }, h("figcaption", null, h("strong", null, title), " ", h("span", { class: "hint" }, `${when(clip.begin)}, ${number(clip.seconds, 2)} s`)),
    frame, audio, note ? h("p", { class: "hint" }, note) : null);
}
