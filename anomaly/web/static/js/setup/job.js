// Long work on the server: starts it, or takes it up again after the tab was closed.
import { get, post, segment } from "../api.js";
import { t } from "../i18n.js";

const OVER = ["done", "failed", "cancelled", "interrupted"];
const EVERY_MS = 1000;

/** Start a job and return its id. */
export const startJob = async (body) => (await post("/jobs", body)).id;

/** Return the job when it is done; `onprogress(job)` gets each newer state of it. Throws what went wrong. */
export async function awaitJob(id, onprogress) {
  for (;;) {
    // A server that starts again, or a network that is gone for a moment, ends no job.
    const job = await get(`/jobs/${segment(id)}`).catch((error) => {
      if ([0, 429, 503].includes(error.status)) return null;
      throw error;
    });
    if (job) onprogress(job);
    if (job && OVER.includes(job.state)) return finished(job);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

function finished(job) {
  if (job.state === "done") return job;
  const message = job.error?.message ?? t(`job.${job.state}`);
  throw Object.assign(new Error(message), { status: 0, hint: job.error?.hint ?? t("job.again") });
}
