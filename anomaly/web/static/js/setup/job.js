// Long work on the server: starts it, or takes it up again after the tab was closed.
import { get, post, segment } from "../api.js";
import { follow } from "../stream.js";

const OVER = ["done", "failed", "cancelled"];

/** Start a job and return its id. */
export async function startJob(body) {
  const job = await post("/jobs", body);
  return job.id ?? job.job;
}

/** Return the job when it is over; `onprogress(job)` gets each newer state of it. */
export async function awaitJob(id, onprogress) {
  const job = await get(`/jobs/${segment(id)}`);
  onprogress(job);
  if (OVER.includes(job.state)) return job;
  return new Promise((resolve) => {
    const take = (event) => {
      onprogress(event);
      if (!OVER.includes(event.state)) return;
      stream.close();
      resolve(event);
    };
    const stream = follow(`/jobs/${segment(id)}/events`, {}, { progress: take, done: take, failed: take, job: take });
  });
}
