// Drives a program of the core against the API server behind this page's own origin: sends what it asks for, hands back
// what comes.
/** @import { Program, KubeRequest, KubeResponse, KubeStep, KubeOutcome, KubeFailure } from "../../../pkg/mesh_policy.js" */

/** As many as a browser opens connections to one server. */
const AT_A_TIME = 6;
const ATTEMPTS = 5;
const PATIENCE = 30_000;
/** No server's wish to wait is honoured for longer, in seconds. */
const LONGEST_WAIT = 30;

/** @typedef {{ done: KubeOutcome } | { failed: KubeFailure }} End */

/**
 * @param {Program} program is freed at its end
 * @param {{ stopped: () => boolean, progress: (progress: { phase: string, done: number, total: number }) => void }} options
 * @returns {Promise<End>}
 */
export async function drive(program, { stopped, progress }) {
  /** @type {KubeRequest[]} */
  const waiting = [];
  /** @type {KubeResponse[]} */
  let arrived = [];
  /** @type {() => void} */
  let wake = () => {};
  let running = 0;
  const send = () => {
    while (running < AT_A_TIME) {
      const request = waiting.shift();
      if (!request) return;
      running++;
      void answer(request, stopped).then((response) => {
        running--;
        arrived.push(response);
        wake();
        send();
      });
    }
  };
  try {
    for (let text = program.step(); ; ) {
      /** @type {KubeStep} */
      const step = JSON.parse(text);
      if (!("requests" in step)) return step;
      progress(step.progress);
      waiting.push(...step.requests);
      send();
      if (arrived.length === 0) await new Promise((resolve) => (wake = () => resolve(undefined)));
      const batch = arrived;
      arrived = [];
      text = program.resume(JSON.stringify(batch));
    }
  } finally {
    program.free();
  }
}

/**
 * What a program learns about one of its requests, after as many tries as are safe and sensible.
 * @param {KubeRequest} request
 * @param {() => boolean} stopped nothing more is sent then
 * @returns {Promise<KubeResponse>}
 */
async function answer({ id, method, path, query, contentType, body, retrySafe }, stopped) {
  const search = new URLSearchParams(query).toString().replaceAll("+", "%20");
  const address = `${location.origin}${path}${search && `?${search}`}`;
  for (let attempt = 1; ; attempt++) {
    if (stopped()) return { id, error: "connection", message: "stopped" };
    /** @type {KubeResponse} */
    let result;
    let again = false;
    try {
      const response = await fetch(address, {
        method,
        headers: { accept: "application/json", ...(contentType && { "content-type": contentType }) },
        ...(body !== undefined && { body }),
        credentials: "omit",
        redirect: "error",
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
      const wait = Number(response.headers.get("retry-after") ?? NaN);
      result = { id, status: response.status, body: await response.text(), ...(wait >= 0 && { retryAfter: Math.ceil(wait) }) };
      // 429: the server did nothing. 5xx: it may have, so only what can be done twice is sent twice. 409 never.
      again = response.status === 429 || (retrySafe && [500, 502, 503, 504].includes(response.status));
    } catch (error) {
      const late = error instanceof DOMException && error.name === "TimeoutError";
      result = { id, error: late ? "timeout" : "connection", message: error instanceof Error ? error.message : String(error) };
      again = retrySafe && attempt < 3;
    }
    if (!again || attempt >= ATTEMPTS) return result;
    const asked = "status" in result && result.retryAfter !== undefined ? Math.min(result.retryAfter, LONGEST_WAIT) * 1000 : undefined;
    const pause = asked ?? Math.min(200 * 2 ** (attempt - 1), 5000) * (0.5 + Math.random() / 2);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
