// `mesh-policy serve`: the page's static files, on loopback.
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError } from '../commander.js';
import { UsageError } from '../files.js';

const FOLDER = fileURLToPath(new URL('../../www/dist', import.meta.url));
const DEFAULT_PORT = 4173;

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** Of the page itself its own `<meta>` holds as well; a worker has no policy but this one. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types mesh-policy";

/** @param {import('commander').Command} program */
export function serve(program) {
  program
    .command('serve')
    .description('serve the page, on this machine alone')
    .option('--port <number>', 'port to listen on; 0 takes a free one', port, DEFAULT_PORT)
    .action(run);
}

/** @param {string} text */
function port(text) {
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number > 65535) throw new InvalidArgumentError('write a port from 0 to 65535.');
  return number;
}

/**
 * What is asked for, if it is a file of the page.
 * @param {string} url
 * @returns {string | undefined} a path
 */
function fileOf(url) {
  let path;
  try {
    path = decodeURIComponent(new URL(url, 'http://page').pathname);
  } catch {
    return undefined;
  }
  const file = join(FOLDER, path === '/' ? 'index.html' : path);
  if (!file.startsWith(FOLDER + sep) || path.includes('\0')) return undefined;
  return TYPES[extname(file)] && statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined;
}

/** @param {{ port: number }} options */
async function run({ port }) {
  if (!statSync(join(FOLDER, 'index.html'), { throwIfNoEntry: false })) {
    throw new UsageError('the page is not built: run `npm run build:page` in a clone, or `make page`');
  }
  /** @type {Set<string>} */
  const hosts = new Set();
  const server = createServer((request, response) => {
    // A name that only looks like this machine would let another site's page read the answers (DNS rebinding).
    if (!hosts.has(request.headers.host ?? '')) {
      response.writeHead(421, { 'content-type': 'text/plain' }).end('ask for 127.0.0.1 or localhost\n');
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const file = fileOf(request.url ?? '/');
    if (!file) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('there is no such file\n');
      return;
    }
    const body = readFileSync(file);
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? '',
      'content-length': body.length,
      'cache-control': 'no-cache',
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise((resolve, reject) => {
    server.once('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new UsageError(`port ${port} is taken: give another one by --port, or 0 for any`)
          : new UsageError(`cannot listen on 127.0.0.1:${port}: ${error.code ?? error.message}`),
      ),
    );
    server.listen(port, '127.0.0.1', () => resolve(undefined));
  });
  const address = server.address();
  const open = typeof address === 'object' && address ? address.port : port;
  for (const name of ['127.0.0.1', 'localhost']) {
    hosts.add(`${name}:${open}`);
    if (open === 80) hosts.add(name);
  }
  process.stdout.write(`http://127.0.0.1:${open}/\n`);
  process.stderr.write('serving the page until Ctrl-C\n');
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
}
