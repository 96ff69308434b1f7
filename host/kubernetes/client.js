// Requests to an API server over Node's own https. Who needs another way gives a client of their own: anything with `request`.
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { access } from './config.js';
import { ConnectionError } from './errors.js';

/**
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path percent-encoded, from the server's root
 * @property {string} [query] percent-encoded, without `?`
 * @property {string} [contentType]
 * @property {string} [body]
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} Response
 * @property {number} status
 * @property {Record<string, string | string[] | undefined>} headers with lower-case names
 * @property {string} body
 *
 * @typedef {import('../kubernetes.js').Client} Client
 *
 * @typedef {object} ClientOptions
 * @property {string} [kubeconfig] a file; without it KUBECONFIG, `~/.kube/config`, the pod's service account, in this order
 * @property {string} [context] of the kubeconfig; without it the current one
 * @property {string} [fieldManager] the name under which it writes
 * @property {number} [timeoutMs] for one request, from its start to the end of its answer
 * @property {number} [maxResponseBytes] of one answer
 * @property {number} [maxSockets] connections kept open
 */

const MIB = 1024 * 1024;
/** Credentials are asked for again after this long, as client-go does for tokens in files. */
const CREDENTIALS_KEPT_MS = 60_000;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** @implements {Client} */
export class KubernetesClient {
  #options;
  /** @type {Promise<import('./config.js').Access> | undefined} */
  #access;
  /** @type {{ at: number, value: Promise<import('./config.js').Credentials> } | undefined} */
  #credentials;
  /** @type {{ tls: import('node:https').AgentOptions, agent: HttpAgent } | undefined} */
  #agent;

  /** @param {ClientOptions} [options] */
  constructor({ timeoutMs = 30_000, maxResponseBytes = 64 * MIB, maxSockets = 16, kubeconfig, context, fieldManager } = {}) {
    this.fieldManager = fieldManager;
    this.#options = { timeoutMs, maxResponseBytes, maxSockets, kubeconfig, context };
  }

  /** The namespace of the context, `default` where it names none. */
  async namespace() {
    return (await this.#found()).namespace;
  }

  /** Where it goes: the server's address. */
  async server() {
    return (await this.#found()).server.href.replace(/\/$/, '');
  }

  close() {
    this.#agent?.agent.destroy();
    this.#agent = undefined;
  }

  /**
   * @param {Request} request
   * @returns {Promise<Response>}
   */
  async request(request) {
    const answer = await this.#once(request);
    // A token may have run out early. To answer 401 the server did nothing else, so asking again is safe.
    if (answer.status !== 401) return answer;
    const before = (await this.#current()).headers;
    this.#credentials = undefined;
    const now = (await this.#current()).headers;
    return JSON.stringify(now) === JSON.stringify(before) ? answer : this.#once(request);
  }

  #found() {
    return (this.#access ??= access(this.#options));
  }

  #current() {
    const now = performance.now();
    if (!this.#credentials || now - this.#credentials.at > CREDENTIALS_KEPT_MS) {
      const value = this.#found().then(({ credentials }) => credentials());
      const entry = { at: now, value };
      this.#credentials = entry;
      // A failure is not kept.
      value.catch(() => {
        if (this.#credentials === entry) this.#credentials = undefined;
      });
    }
    return this.#credentials.value;
  }

  /**
   * @param {boolean} secure
   * @param {import('./config.js').Credentials} credentials
   */
  #agentFor(secure, { tls, proxy }) {
    const same = (/** @type {unknown} */ a, /** @type {unknown} */ b) => a === b || (Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b));
    const old = this.#agent;
    const keys = /** @type {const} */ (['ca', 'cert', 'key', 'servername', 'rejectUnauthorized']);
    if (old && keys.every((key) => same(old.tls[key], tls[key]))) return old.agent;
    const settings = { keepAlive: true, maxSockets: this.#options.maxSockets, scheduling: /** @type {const} */ ('lifo') };
    const agent = proxy ?? (secure ? new Agent({ ...settings, ...tls }) : new HttpAgent(settings));
    // The old one's requests go on; its idle connections are let go by the server.
    this.#agent = { tls, agent };
    return agent;
  }

  /**
   * @param {Request} request
   * @returns {Promise<Response>}
   */
  async #once({ method, path, query, contentType, body, signal }) {
    const { server } = await this.#found();
    const credentials = await this.#current();
    if (signal?.aborted) throw new ConnectionError('interrupted', 'interrupted before the request was sent');
    const secure = server.protocol === 'https:';
    const { timeoutMs, maxResponseBytes } = this.#options;
    const send = secure ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      let sent = false;
      const outgoing = send(
        {
          protocol: server.protocol,
          hostname: server.hostname.replace(/^\[|\]$/g, ''),
          port: server.port,
          path: `${server.pathname.replace(/\/$/, '')}${path}${query ? `?${query}` : ''}`,
          method,
          agent: this.#agentFor(secure, credentials),
          headers: {
            Accept: 'application/json',
            'User-Agent': `mesh-policy/${version}`,
            ...credentials.headers,
            ...(body === undefined
              ? {}
              : { 'Content-Type': contentType ?? 'application/json', 'Content-Length': Buffer.byteLength(body) }),
          },
        },
        (incoming) => {
          /** @type {Buffer[]} */
          const parts = [];
          let bytes = 0;
          incoming.on('data', (/** @type {Buffer} */ part) => {
            bytes += part.length;
            if (bytes > maxResponseBytes) {
              fail('too-large', `the answer to ${method} \`${path}\` has more than ${maxResponseBytes} bytes`);
              return;
            }
            parts.push(part);
          });
          incoming.once('error', broken);
          incoming.once('end', () => {
            settle();
            resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(parts).toString('utf8') });
          });
        },
      );
      const timer = setTimeout(
        () => fail('timeout', `\`${server.host}\` gave no answer within ${timeoutMs / 1000} s`),
        timeoutMs,
      );
      const interrupted = () => fail('interrupted', 'interrupted while waiting for an answer');
      signal?.addEventListener('abort', interrupted, { once: true });
      function settle() {
        clearTimeout(timer);
        signal?.removeEventListener('abort', interrupted);
      }
      /**
       * @param {import('./errors.js').Trouble} code
       * @param {string} message
       * @param {{ help?: string, cause?: unknown }} [more]
       */
      function fail(code, message, more) {
        settle();
        reject(new ConnectionError(code, message, { sent, ...more }));
        outgoing.destroy();
      }
      /** @param {Error} error */
      function broken(error) {
        const { message, help } = explain(error, server.host);
        fail('unreachable', message, { help, cause: error });
      }
      outgoing.once('socket', (socket) => {
        // A request leaves once its connection stands; on one that stands already, at once.
        const standing = !socket.connecting && !(/** @type {{ secureConnecting?: boolean }} */ (socket).secureConnecting);
        if (standing) sent = true;
        else socket.once(secure ? 'secureConnect' : 'connect', () => (sent = true));
      });
      outgoing.on('error', broken);
      outgoing.end(body);
    });
  }
}

/**
 * @param {Error} error
 * @param {string} host
 * @returns {{ message: string, help?: string }}
 */
function explain(error, host) {
  const code = String(/** @type {NodeJS.ErrnoException} */ (error).code ?? '');
  /** @type {Record<string, string>} */
  const reasons = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'its name is not known',
    EAI_AGAIN: 'its name cannot be looked up now',
    EHOSTUNREACH: 'there is no way to it',
    ENETUNREACH: 'there is no way to it',
    ETIMEDOUT: 'it does not answer',
    ECONNRESET: 'it broke the connection',
    EPIPE: 'it broke the connection',
  };
  const known = reasons[code];
  if (known) return { message: `\`${host}\` cannot be reached: ${known}`, help: 'is the cluster running, and is this its address?' };
  if (/CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ALTNAME|SSL|TLS/.test(code)) {
    return {
      message: `\`${host}\` cannot be trusted: ${error.message || code}`,
      help: "the kubeconfig's `certificate-authority-data` must be that of the cluster",
    };
  }
  return { message: `\`${host}\` cannot be reached: ${error.message || code}` };
}
