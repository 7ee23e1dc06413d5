// Server-sent events with a sign in the header while the connection is lost.
import { address } from "./api.js";
import { t } from "./i18n.js";

/** Follow a stream. `handlers` maps names of events to functions of their data; `EventSource` connects again by itself. */
export function follow(path, parameters, handlers) {
  const source = new EventSource(address(path, parameters));
  for (const [name, handle] of Object.entries(handlers)) {
    // An `error` of the connection itself has no data.
    source.addEventListener(name, (event) => event.data && handle(JSON.parse(event.data)));
  }
  source.addEventListener("open", () => sign(""));
  source.addEventListener("error", () => sign(t("connection.lost")));
  addEventListener("pagehide", () => source.close());
  return source;
}

function sign(text) {
  const place = document.getElementById("connection");
  if (place && place.textContent !== text) place.textContent = text;
}
