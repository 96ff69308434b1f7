// What can go wrong on the way to an API server.

/**
 * @typedef {'config' | 'credentials' | 'unreachable' | 'timeout' | 'interrupted' | 'too-large'} Trouble
 *
 * config: the kubeconfig cannot be used. credentials: none could be had. unreachable: no connection, or one that broke.
 * timeout, interrupted: no answer before the time was up, or before the caller gave up. too-large: an answer over
 * the bound.
 */

/** There is no usable answer. */
export class ConnectionError extends Error {
  /**
   * @param {Trouble} code
   * @param {string} message one lower-case sentence
   * @param {{ sent?: boolean, help?: string, cause?: unknown }} [more]
   */
  constructor(code, message, { sent = false, help, cause } = {}) {
    super(message, { cause });
    this.name = 'ConnectionError';
    this.code = code;
    /** Whether the server may have got the request, and so may have done what it asks. */
    this.sent = sent;
    this.help = help;
  }
}
