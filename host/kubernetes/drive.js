// Drives a program of the core against an API server: sends what it asks for, hands back what comes.
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError } from './errors.js';

/**
 * @typedef {import('../../pkg/mesh_policy.js').Program} Program
 * @typedef {import('../../pkg/mesh_policy.js').KubeRequest} KubeRequest
 * @typedef {import('../../pkg/mesh_policy.js').KubeResponse} KubeResponse
 * @typedef {import('../../pkg/mesh_policy.js').KubeStep} KubeStep
 * @typedef {import('../../pkg/mesh_policy.js').KubeOutcome} KubeOutcome
 * @typedef {import('../../pkg/mesh_policy.js').KubeFailure} KubeFailure
 * @typedef {import('./client.js').Client} Client
 * @typedef {import('./client.js').Response} Response
 *
 * @typedef {{ phase: string, done: number, total: number }} Progress
 *
 * @typedef {object} DriveOptions
 * @property {AbortSignal} [signal] Nothing more is sent once it is aborted; what is out is waited for.
 * @property {AbortSignal} [abandon] What is out is not waited for either.
 * @property {(progress: Progress) => void} [onProgress]
 * @property {(request: KubeRequest) => void} [onRequest] called once for each request, however often it is sent
 * @property {number} [attempts] how often a request is sent at most
 * @property {number} [patienceMs] how long in all a request is repeated
 */

/** No server's wish to wait is honoured for longer, in seconds. */
const LONGEST_WAIT = 30;

/**
 * Runs a program to its end and frees it.
 *
 * @param {Program} program
 * @param {Client} client
 * @param {DriveOptions} [options]
 * @returns {Promise<{ done: KubeOutcome } | { failed: KubeFailure }>}
 */
export async function drive(program, client, options = {}) {
  /** @type {KubeResponse[]} */
  let arrived = [];
  /** @type {(() => void) | undefined} */
  let wake;
  /** @type {unknown} */
  let broken;
  let begun = false;
  const arrive = (/** @type {KubeResponse} */ response) => {
    begun = true;
    arrived.push(response);
    wake?.();
  };
  // As many requests listen to them as are out; that is no leak.
  for (const signal of [options.signal, options.abandon]) if (signal) setMaxListeners(0, signal);
  try {
    for (let text = program.step(); ; ) {
      /** @type {KubeStep} */
      const step = JSON.parse(text);
      if (!('requests' in step)) return step;
      options.onProgress?.(step.progress);
      for (const request of step.requests) {
        options.onRequest?.(request);
        answer(client, request, options).then(arrive, (error) => {
          // Credentials that run out halfway must not hide what was done before.
          if (begun && isOfConfiguration(error)) {
            arrive({ id: request.id, error: 'not-sent', message: error.message });
            return;
          }
          broken ??= error;
          wake?.();
        });
      }
      if (arrived.length === 0 && broken === undefined) {
        await new Promise((resolve) => (wake = () => resolve(undefined)));
        wake = undefined;
      }
      if (broken !== undefined) throw broken;
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
 *
 * @param {Client} client
 * @param {KubeRequest} request
 * @param {DriveOptions} options
 * @returns {Promise<KubeResponse>}
 */
async function answer(client, request, { signal, abandon, attempts = 5, patienceMs = 60_000 }) {
  const { id, method, path, contentType, body, retrySafe } = request;
  const query = new URLSearchParams(request.query).toString().replaceAll('+', '%20');
  const end = performance.now() + patienceMs;
  // Once it may have been done, a later failure to send it again does not make it undone.
  let maybeDone = false;
  for (let attempt = 1; ; attempt++) {
    if (signal?.aborted) return unsent(id, maybeDone, 'interrupted');
    /** @type {KubeResponse} */
    let result;
    /** @type {boolean} */
    let again;
    try {
      const got = await client.request({ method, path, query, contentType, body, signal: abandon });
      const retryAfter = seconds(got.headers['retry-after']);
      result = { id, status: got.status, body: got.body, ...(retryAfter === undefined ? {} : { retryAfter }) };
      // 429: the server did nothing. 5xx: it may have, so only what can be done twice is sent twice. 409 never.
      again = got.status === 429 || (retrySafe && [500, 502, 503, 504].includes(got.status));
      if (got.status >= 500) maybeDone = true;
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      if (isOfConfiguration(error) && !maybeDone) throw error;
      maybeDone ||= error.sent;
      result =
        error.code === 'timeout'
          ? { id, error: 'timeout', message: error.message }
          : unsent(id, maybeDone, error.message);
      again = error.code === 'unreachable' && (retrySafe || !error.sent);
      // Who does not listen now will hardly do so in a second; a time-out has waited long enough.
      if (error.code === 'timeout') again = retrySafe && attempt === 1;
    }
    const wait = pause(result, attempt);
    if (!again || attempt >= attempts || performance.now() + wait > end) return result;
    // Aborted while waiting: the loop's first line answers.
    await delay(wait, undefined, { signal }).catch(() => {});
  }
}

/** @param {unknown} error */
const isOfConfiguration = (error) =>
  error instanceof ConnectionError && (error.code === 'config' || error.code === 'credentials');

/**
 * @param {number} id
 * @param {boolean} maybeDone
 * @param {string} message
 * @returns {KubeResponse}
 */
const unsent = (id, maybeDone, message) => ({ id, error: maybeDone ? 'connection' : 'not-sent', message });

/**
 * How long to wait before the next try, in ms: as the server says, else longer each time, and never all at once.
 *
 * @param {KubeResponse} result
 * @param {number} attempt
 */
function pause(result, attempt) {
  if ('status' in result && result.retryAfter !== undefined) return Math.min(result.retryAfter, LONGEST_WAIT) * 1000;
  return Math.min(200 * 2 ** (attempt - 1), 5000) * (0.5 + Math.random() / 2);
}

/**
 * A `Retry-After` header: seconds, or a date.
 * @param {string | string[] | undefined} header
 */
export function seconds(header) {
  if (typeof header !== 'string' || header.trim() === '') return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const until = Date.parse(text);
  return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - Date.now()) / 1000));
}
