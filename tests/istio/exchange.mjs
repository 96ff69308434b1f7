// HTTP/1.1 as bytes: what Node's own client would tidy up, or refuse to send, goes out as it is.

import net from "node:net";
import tls from "node:tls";

import { MARKER, PEER, TOKEN } from "./envoy-config.mjs";

/**
 * @typedef {object} Line Messages that can share a connection.
 * @property {number} port Of the listener, on 127.0.0.1.
 * @property {string} sourceIp In 127.0.0.0/8: the connection's own. Else only what the PROXY protocol says.
 * @property {{ ip: string, port: number }} destination What the PROXY protocol says.
 * @property {{ ca: string, pem: string | undefined, sni: string } | null} tls Without `pem` a client says nothing of itself.
 * @property {Message[]} messages
 *
 * @typedef {object} Message
 * @property {string} marker
 * @property {string} peer Empty: it is not said.
 * @property {string | null} token
 * @property {string} [method]
 * @property {string} [path]
 * @property {string} [host]
 * @property {Record<string, string[]>} [headers]
 * @property {(status: number) => void} done 0: there was no answer.
 */

// So many connections at a time.
const AT_ONCE = 32;
const SILENCE = 10_000;

/** @param {Line[]} lines */
export async function exchange(lines) {
  const waiting = [...lines];
  const worker = async () => {
    for (let line = waiting.shift(); line; line = waiting.shift()) await talk(line);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** @param {Line} line */
async function talk(line) {
  const messages = [...line.messages];
  // A connection that Envoy closes after an answer (400) is followed by another; one that gives none ends the message.
  while (messages.length > 0) {
    const connection = await connect(line);
    try {
      for (let message = messages[0]; message; message = messages[0]) {
        const status = await connection.ask(bytes(message), message.method === "HEAD");
        if (status === null) {
          if (connection.answered === 0) {
            messages.shift();
            message.done(0);
          }
          break;
        }
        messages.shift();
        message.done(status);
      }
    } finally {
      connection.close();
    }
  }
}

/** @param {Message} message */
function bytes({ marker, peer, token, method = "GET", path = "/", host = "web", headers = {} }) {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, `${MARKER}: ${marker}`];
  if (peer !== "") lines.push(`${PEER}: ${peer}`);
  if (token !== null) lines.push(`${TOKEN}: ${token}`);
  for (const [name, values] of Object.entries(headers)) {
    for (const value of values) lines.push(`${name}: ${value}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** @param {Line} line */
async function connect({ port, sourceIp, destination, tls: identity }) {
  const local = sourceIp.startsWith("127.") ? sourceIp : "127.0.0.1";
  const plain = net.connect({ host: "127.0.0.1", port, localAddress: local, noDelay: true });
  await new Promise((resolve, reject) => {
    plain.once("connect", resolve);
    plain.once("error", reject);
  });
  const family = `${destination.ip} ${sourceIp}`.includes(":") ? "TCP6" : "TCP4";
  const address = (/** @type {string} */ ip) => (family === "TCP6" && !ip.includes(":") ? `::ffff:${ip}` : ip);
  plain.write(
    `PROXY ${family} ${address(sourceIp)} ${address(destination.ip)} ${plain.localPort} ${destination.port}\r\n`,
  );
  const socket = identity
    ? tls.connect({
        socket: plain,
        ca: identity.ca,
        // The server's name is of no interest, except to `connection.sni`.
        checkServerIdentity: () => undefined,
        ...(identity.sni ? { servername: identity.sni } : {}),
        ...(identity.pem ? { cert: identity.pem, key: identity.pem } : {}),
      })
    : plain;
  let buffer = "";
  let ended = false;
  /** @type {() => void} */
  let wake = () => {};
  socket.setTimeout(SILENCE, () => socket.destroy());
  socket.setEncoding("latin1").on("data", (part) => {
    buffer += part;
    wake();
  });
  const end = () => {
    ended = true;
    wake();
  };
  for (const event of ["end", "close", "error"]) socket.on(event, end);

  const connection = {
    answered: 0,
    close: () => void socket.destroy(),
    /**
     * @param {Buffer} request
     * @param {boolean} bodiless
     * @returns {Promise<number | null>} The status; `null` when the connection ended instead.
     */
    ask: async (request, bodiless) => {
      if (ended) return null;
      socket.write(request);
      for (;;) {
        const response = parse(buffer, bodiless);
        if (response) {
          buffer = buffer.slice(response.length);
          connection.answered++;
          return response.status;
        }
        if (ended) return null;
        await new Promise((resolve) => (wake = () => resolve(undefined)));
      }
    },
  };
  return connection;
}

/**
 * @param {string} text
 * @param {boolean} bodiless
 */
function parse(text, bodiless) {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return null;
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  const body = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head + 2))?.[1] ?? 0);
  const length = head + 4 + (bodiless ? 0 : body);
  return text.length < length ? null : { status, length };
}
