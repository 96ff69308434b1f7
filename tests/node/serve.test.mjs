// `mesh-policy serve`: the page's files, to this machine alone.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url).pathname;

/** @param {number} port @param {import('node:http').RequestOptions} options @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: string }>} */
const ask = (port, options) =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, ...options }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (part) => (body += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on('error', reject).end();
  });

test('serve gives the page to this machine, under its own names, and nothing beside it', async () => {
  if (!existsSync(`${root}www/dist/index.html`)) {
    const built = spawnSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', 'www', '--logLevel', 'warn'], { cwd: root });
    assert.equal(built.status, 0, String(built.stderr));
  }
  const server = spawn(process.execPath, ['host/cli.js', 'serve', '--port', '0'], { cwd: root });
  try {
    const [line] = await once(server.stdout.setEncoding('utf8'), 'data');
    const port = Number(/^http:\/\/127\.0\.0\.1:(\d+)\/\n$/.exec(line)?.[1]);
    const page = await ask(port, { path: '/' });
    assert.equal(page.status, 200);
    assert.match(page.headers['content-type'] ?? '', /^text\/html/);
    assert.match(String(page.headers['content-security-policy']), /frame-ancestors 'none'/);
    assert.equal(page.headers['set-cookie'], undefined);
    for (const [, path = ''] of page.body.matchAll(/(?:src|href)="\.(\/[^"]+)"/g)) {
      assert.equal((await ask(port, { path })).status, 200, path);
    }
    assert.equal((await ask(port, { path: '/', headers: { host: `localhost:${port}` } })).status, 200);
    for (const host of ['evil.example', `evil.example:${port}`, `127.0.0.1.evil.example:${port}`, '127.0.0.1']) {
      assert.equal((await ask(port, { path: '/', headers: { host } })).status, 421, host);
    }
    for (const path of ['/../package.json', '/%2e%2e/package.json', '/..%2fpackage.json', '/%00', '/%', '/assets', '/nothing.js', '//etc/passwd']) {
      assert.equal((await ask(port, { path })).status, 404, path);
    }
    assert.equal((await ask(port, { path: '/', method: 'POST' })).status, 405);
    const second = spawnSync(process.execPath, ['host/cli.js', 'serve', '--port', String(port)], { cwd: root, encoding: 'utf8', timeout: 10_000 });
    assert.equal(second.status, 2);
    assert.match(second.stderr, /is taken/);
  } finally {
    server.kill();
    await once(server, 'exit');
  }
});

test('the package carries the page', () => {
  const packed = spawnSync('npm', ['pack', '--dry-run', '--json'], { cwd: root, encoding: 'utf8' });
  assert.equal(packed.status, 0, packed.stderr);
  const files = JSON.parse(packed.stdout)[0].files.map((/** @type {{ path: string }} */ file) => file.path);
  for (const file of ['www/dist/index.html', 'host/commands/serve.js', 'pkg/mesh_policy_bg.wasm']) assert.ok(files.includes(file), file);
  assert.ok(files.some((/** @type {string} */ file) => /^www\/dist\/assets\/.*\.wasm$/.test(file)));
  assert.ok(!files.some((/** @type {string} */ file) => /^(?:www\/src|tests|node_modules)\//.test(file)));
});
