// Requests to /api/v1, and what their errors mean for the viewer.
import { t, language } from "./i18n.js";

const BASE = "/api/v1";
let csrf = null;

/** Error of a request: what happened, and what to do about it. */
export class RequestError extends Error {
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

/** Remember the token that each change must carry. */
export function useToken(token) {
  csrf = token;
}

/** Return the address of a resource of the API. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return `${BASE}${path}${query.size ? `?${query}` : ""}`;
}

export const get = (path, parameters) => send("GET", address(path, parameters));
export const post = (path, body = {}) => send("POST", address(path), body);

async function send(method, url, body) {
  const headers = { Accept: "application/json", "Accept-Language": language };
  if (method !== "GET") headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new RequestError(0, t("error.offline"), t("error.offline.hint"));
  }
  const content = await answer.json().catch(() => null);
  if (answer.ok) return content;
  if (answer.status === 401 && location.pathname !== "/login") {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  throw refusal(answer.status, content);
}

function refusal(status, content) {
  const said = content?.error ?? content ?? {};
  const message = typeof said === "string" ? said : said.message ?? said.detail;
  const known = [401, 403, 404, 409, 413, 429, 503].includes(status) ? status : 500;
  return new RequestError(status, message || t(`error.${known}`), said.hint || t(`error.${known}.hint`));
}

/** Return a path segment of a name. */
export const segment = (name) => encodeURIComponent(name);
