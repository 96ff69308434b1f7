// How an API server is talked to: the client against a server that misbehaves, the driver against a client that does.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError, KubernetesClient } from '../../host/kubernetes.js';
import { drive, seconds } from '../../host/kubernetes/drive.js';

/** @typedef {import('../../pkg/mesh_policy.js').KubeRequest} KubeRequest */
/** @typedef {import('../../pkg/mesh_policy.js').KubeResponse} KubeResponse */

/** @type {string} */
let dir;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'mesh-policy-kubernetes-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;
/** @param {string} server @param {object} [user] @param {object} [cluster] */
function kubeconfig(server, user = { token: 'secret' }, cluster = {}) {
  const file = join(dir, `${files++}.kubeconfig`);
  const config = {
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'one', context: { cluster: 'c', user: 'u', namespace: 'shop' } }, { name: 'bad', context: { cluster: 'none', user: 'u' } }],
    'current-context': 'one',
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/**
 * @param {import('node:http').RequestListener} listener
 * @param {(url: string, server: import('node:http').Server) => Promise<void>} use
 */
async function serving(listener, use) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  try {
    await use(`http://127.0.0.1:${port}`, server);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** @param {Promise<unknown>} promise @returns {Promise<ConnectionError>} */
const trouble = (promise) =>
  promise.then(
    () => assert.fail('it should have failed'),
    (error) => {
      assert.ok(error instanceof ConnectionError, String(error?.stack));
      return error;
    },
  );

const GET = { method: 'GET', path: '/api' };

describe('KubernetesClient', () => {
  test('sends what it is given, says who it is, and keeps the connection', async () => {
    /** @type {object[]} */
    const seen = [];
    const sockets = new Set();
    await serving(
      (request, response) => {
        sockets.add(request.socket);
        let body = '';
        request.on('data', (part) => (body += part));
        request.on('end', () => {
          const { authorization, 'content-type': type, 'user-agent': agent } = request.headers;
          seen.push({ method: request.method, url: request.url, authorization, type, agent: agent?.split('/')[0], body });
          response.setHeader('Retry-After', '3');
          response.end('{"kind":"List"}');
        });
      },
      async (url) => {
        const client = new KubernetesClient({ kubeconfig: kubeconfig(`${url}/prefix/`) });
        assert.equal(await client.namespace(), 'shop');
        assert.equal(await client.server(), `${url}/prefix`);
        const answer = await client.request({ ...GET, query: 'limit=5' });
        assert.equal(answer.status, 200);
        assert.equal(answer.body, '{"kind":"List"}');
        assert.equal(answer.headers['retry-after'], '3');
        await client.request({ method: 'PATCH', path: '/a', contentType: 'application/merge-patch+json', body: '{"é":1}' });
        client.close();
      },
    );
    const common = { authorization: 'Bearer secret', agent: 'mesh-policy' };
    assert.deepEqual(seen, [
      { ...common, method: 'GET', url: '/prefix/api?limit=5', type: undefined, body: '' },
      { ...common, method: 'PATCH', url: '/prefix/a', type: 'application/merge-patch+json', body: '{"é":1}' },
    ]);
    assert.equal(sockets.size, 1);
  });

  test('a credential program is asked, told about the cluster, and asked again after 401', async () => {
    const program = join(dir, 'credentials.sh');
    const count = join(dir, 'count');
    writeFileSync(
      program,
      `#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" | grep -q '"kind":"ExecCredential"' || exit 9
echo x >> ${count}
n=$(wc -l < ${count} | tr -d ' ')
echo "{\\"apiVersion\\":\\"client.authentication.k8s.io/v1\\",\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"t$n\\"}}"
`,
    );
    chmodSync(program, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: program, interactiveMode: 'Never' };
    /** @type {(string | undefined)[]} */
    const tokens = [];
    let valid = 'Bearer t1';
    await serving(
      (request, response) => {
        tokens.push(request.headers.authorization);
        response.statusCode = request.headers.authorization === valid ? 200 : 401;
        response.end();
      },
      async (url) => {
        const client = new KubernetesClient({ kubeconfig: kubeconfig(url, { exec }) });
        await client.request(GET);
        await client.request(GET);
        valid = 'Bearer t2';
        assert.equal((await client.request(GET)).status, 200);
        client.close();
      },
    );
    assert.deepEqual(tokens, ['Bearer t1', 'Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  test('a credential program that fails or is missing is named', async () => {
    const failing = { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/sh', args: ['-c', 'echo you are not logged in >&2; exit 1'] };
    const one = await trouble(new KubernetesClient({ kubeconfig: kubeconfig('http://127.0.0.1:1', { exec: failing }) }).request(GET));
    assert.equal(one.code, 'credentials');
    assert.match(one.message, /`\/bin\/sh`, which the kubeconfig names for credentials, failed: you are not logged in/);
    const missing = { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-program', installHint: 'install it' };
    const two = await trouble(new KubernetesClient({ kubeconfig: kubeconfig('http://127.0.0.1:1', { exec: missing }) }).request(GET));
    assert.equal(two.code, 'credentials');
    assert.match(two.message, /is not installed/);
    assert.equal(two.help, 'install it');
  });

  test('401 with the same credentials is the answer', async () => {
    let asked = 0;
    await serving(
      (_, response) => {
        asked++;
        response.statusCode = 401;
        response.end();
      },
      async (url) => {
        const client = new KubernetesClient({ kubeconfig: kubeconfig(url) });
        assert.equal((await client.request(GET)).status, 401);
        client.close();
      },
    );
    assert.equal(asked, 1);
  });

  test('a server that does not answer, or only begins to, runs into the time-out', async () => {
    for (const begin of [false, true]) {
      await serving(
        (_, response) => {
          if (begin) response.write('{');
        },
        async (url) => {
          const client = new KubernetesClient({ kubeconfig: kubeconfig(url), timeoutMs: 100 });
          const error = await trouble(client.request(GET));
          assert.equal(error.code, 'timeout');
          assert.equal(error.sent, true);
          client.close();
        },
      );
    }
  });

  test('an answer over the bound is refused while it comes', async () => {
    await serving(
      (_, response) => {
        const more = () => response.write('x'.repeat(10_000), () => !response.destroyed && setImmediate(more));
        more();
      },
      async (url) => {
        const client = new KubernetesClient({ kubeconfig: kubeconfig(url), maxResponseBytes: 100_000 });
        const error = await trouble(client.request(GET));
        assert.equal(error.code, 'too-large');
        client.close();
      },
    );
  });

  test('nothing listens: said so, and known not to have been sent', async () => {
    const client = new KubernetesClient({ kubeconfig: kubeconfig('http://127.0.0.1:1') });
    const error = await trouble(client.request(GET));
    assert.equal(error.code, 'unreachable');
    assert.equal(error.sent, false);
    assert.equal(error.message, '`127.0.0.1:1` cannot be reached: nothing listens there');
  });

  test('a connection that breaks after the request was sent may have taken effect', async () => {
    await serving(
      (request) => request.socket.destroy(),
      async (url) => {
        const error = await trouble(new KubernetesClient({ kubeconfig: kubeconfig(url) }).request(GET));
        assert.equal(error.code, 'unreachable');
        assert.equal(error.sent, true);
      },
    );
  });

  test('an abandoned request', async () => {
    await serving(
      () => {},
      async (url) => {
        const client = new KubernetesClient({ kubeconfig: kubeconfig(url) });
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 50);
        const error = await trouble(client.request({ ...GET, signal: controller.signal }));
        assert.equal(error.code, 'interrupted');
        assert.equal((await trouble(client.request({ ...GET, signal: controller.signal }))).sent, false);
        client.close();
      },
    );
  });

  /** @type {[string, () => { kubeconfig: string, context?: string }, RegExp][]} */
  const wrong = [
    ['no file', () => ({ kubeconfig: join(dir, 'none') }), /cannot read the kubeconfig `.*none`: there is no such file/],
    ['no kubeconfig', () => (writeFileSync(join(dir, 'broken'), '{'), { kubeconfig: join(dir, 'broken') }), /cannot read the kubeconfig/],
    ['empty', () => (writeFileSync(join(dir, 'empty'), ''), { kubeconfig: join(dir, 'empty') }), /cannot read the kubeconfig/],
    ['no such context', () => ({ kubeconfig: kubeconfig('https://x'), context: 'two' }), /has no context `two`/],
    ['no such cluster', () => ({ kubeconfig: kubeconfig('https://x'), context: 'bad' }), /names the cluster `none`, which the kubeconfig does not have/],
    ['no URL', () => ({ kubeconfig: kubeconfig('nonsense') }), /`nonsense` is no URL/],
    ['a token in the open', () => ({ kubeconfig: kubeconfig('http://example.org') }), /is not https/],
  ];
  for (const [name, options, says] of wrong) {
    test(`a kubeconfig that cannot be used: ${name}`, async () => {
      const error = await trouble(new KubernetesClient(options()).request(GET));
      assert.equal(error.code, 'config');
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /secret/);
    });
  }
});

/** @param {number} id @param {Partial<KubeRequest>} [more] @returns {KubeRequest} */
const request = (id, more) => ({ id, method: 'GET', path: `/${id}`, query: {}, why: '', retrySafe: true, ...more });

/**
 * A program that hands out these requests at once and remembers what it learns.
 * @param {KubeRequest[]} requests
 */
function program(requests) {
  /** @type {Map<number, KubeResponse>} */
  const learned = new Map();
  let freed = 0;
  const next = () =>
    JSON.stringify(
      learned.size === requests.length
        ? { done: { unchanged: 0, changes: [], restarts: [], unknown: [], dropped: 0, diagnostics: [] } }
        : { requests: learned.size === 0 ? requests : [], progress: { phase: 'p', done: learned.size, total: requests.length } },
    );
  return {
    learned,
    freed: () => freed,
    program: /** @type {import('../../pkg/mesh_policy.js').Program} */ (
      /** @type {unknown} */ ({
        step: next,
        resume: (/** @type {string} */ text) => {
          /** @type {KubeResponse[]} */
          const responses = JSON.parse(text);
          assert.ok(responses.length > 0);
          for (const response of responses) learned.set(response.id, response);
          return next();
        },
        free: () => freed++,
      })
    ),
  };
}

/** @param {number} status @param {Record<string, string>} [headers] */
const answer = (status, headers = {}) => ({ status, headers, body: '{}' });

describe('the driver', () => {
  /**
   * How often a request is sent when this is what comes each time, and what its program learns.
   * @param {Partial<KubeRequest>} more
   * @param {() => Promise<import('../../host/kubernetes.js').ClientResponse>} respond
   */
  async function tries(more, respond) {
    let sent = 0;
    const { program: it, learned, freed } = program([request(1, more)]);
    await drive(it, { request: async () => (sent++, respond()) }, { attempts: 3 });
    assert.equal(freed(), 1);
    return { sent, learned: learned.get(1) };
  }
  const unsafe = { retrySafe: false };
  const failing = (/** @type {ConnectionError['code']} */ code, /** @type {boolean} */ sent) => async () => {
    throw new ConnectionError(code, 'broken', { sent });
  };

  test('what is answered is handed back, and asked once', async () => {
    for (const status of [200, 201, 400, 401, 403, 404, 409, 422]) {
      assert.deepEqual(await tries({}, async () => answer(status)), { sent: 1, learned: { id: 1, status, body: '{}' } });
    }
  });

  test('429 is repeated, whatever it was: the server did nothing', async () => {
    for (const more of [{}, unsafe]) {
      const { sent, learned } = await tries(more, async () => answer(429, { 'retry-after': '0' }));
      assert.equal(sent, 3);
      assert.deepEqual(learned, { id: 1, status: 429, body: '{}', retryAfter: 0 });
    }
  });

  test('500, 502, 503 and 504 are repeated only where the request says that this is safe', async () => {
    for (const status of [500, 502, 503, 504]) {
      assert.equal((await tries({}, async () => answer(status, { 'retry-after': '0' }))).sent, 3);
      assert.equal((await tries(unsafe, async () => answer(status, { 'retry-after': '0' }))).sent, 1);
    }
  });

  test('a broken connection is repeated where it is safe or nothing was sent', async () => {
    assert.deepEqual(await tries({}, failing('unreachable', true)), { sent: 3, learned: { id: 1, error: 'connection', message: 'broken' } });
    assert.deepEqual(await tries(unsafe, failing('unreachable', true)), { sent: 1, learned: { id: 1, error: 'connection', message: 'broken' } });
    assert.deepEqual(await tries(unsafe, failing('unreachable', false)), { sent: 3, learned: { id: 1, error: 'not-sent', message: 'broken' } });
  });

  test('a time-out is repeated once where it is safe', async () => {
    assert.equal((await tries({}, failing('timeout', true))).sent, 2);
    assert.deepEqual(await tries(unsafe, failing('timeout', true)), { sent: 1, learned: { id: 1, error: 'timeout', message: 'broken' } });
  });

  test('what may have been done stays so when it cannot be sent again', async () => {
    let first = true;
    const { learned } = await tries({}, () => {
      const sent = first;
      first = false;
      return failing('unreachable', sent)();
    });
    assert.deepEqual(learned, { id: 1, error: 'connection', message: 'broken' });
  });

  test('Retry-After is waited for', async () => {
    let first = 0;
    const { program: it } = program([request(1)]);
    await drive(it, {
      request: async () => {
        if (first > 0) return answer(200);
        first = performance.now();
        return answer(429, { 'retry-after': '1' });
      },
    });
    assert.ok(performance.now() - first > 990);
  });

  test('a server that wants more patience than there is gets none', async () => {
    const { program: it, learned } = program([request(1)]);
    const start = performance.now();
    await drive(it, { request: async () => answer(503, { 'retry-after': '3600' }) }, { patienceMs: 1000 });
    assert.ok(performance.now() - start < 500);
    assert.equal(learned.get(1)?.id, 1);
  });

  test('an error of the client itself ends the run and is passed on; the program is freed', async () => {
    const { program: it, freed } = program([request(1), request(2)]);
    await assert.rejects(drive(it, { request: async () => { throw new TypeError('a bug'); } }), /a bug/);
    assert.equal(freed(), 1);
  });

  test('credentials that cannot be had end the run; once something is answered, the program learns of it instead', async () => {
    const missing = new ConnectionError('credentials', 'not logged in');
    const first = program([request(1)]);
    await assert.rejects(drive(first.program, { request: async () => { throw missing; } }), /not logged in/);
    assert.equal(first.freed(), 1);
    const second = program([request(1), request(2)]);
    await drive(second.program, {
      request: async ({ path }) => {
        if (path === '/1') return answer(200);
        await delay(20);
        throw missing;
      },
    });
    assert.deepEqual(second.learned.get(2), { id: 2, error: 'not-sent', message: 'not logged in' });
  });

  test('once interrupted, nothing more is sent, and what is out is waited for', async () => {
    const gentle = new AbortController();
    /** @type {string[]} */
    const sent = [];
    const many = Array.from({ length: 16 }, (_, id) => request(id + 1, unsafe));
    const { program: it, learned } = program(many);
    await drive(
      it,
      {
        request: async ({ path }) => {
          sent.push(path);
          if (path === '/1') return answer(429, { 'retry-after': '30' });
          gentle.abort();
          await delay(50);
          return answer(200);
        },
      },
      { signal: gentle.signal },
    );
    assert.ok(sent.length < 16, 'those after the interruption stay at home');
    assert.deepEqual(learned.get(1), { id: 1, error: 'not-sent', message: 'interrupted' });
    assert.deepEqual(learned.get(2), { id: 2, status: 200, body: '{}' });
    assert.deepEqual(learned.get(16), { id: 16, error: 'not-sent', message: 'interrupted' });
  });

  test('queries are encoded', async () => {
    let seen;
    const { program: it } = program([request(1, { query: { labelSelector: 'a/b=c d,e', continue: 'x+/=' } })]);
    await drive(it, { request: async ({ query }) => ((seen = query), answer(200)) });
    assert.equal(seen, 'labelSelector=a%2Fb%3Dc%20d%2Ce&continue=x%2B%2F%3D');
  });

  test('Retry-After as seconds, as a date, and as nonsense', () => {
    assert.equal(seconds('7'), 7);
    assert.equal(seconds(undefined), undefined);
    assert.equal(seconds('soon'), undefined);
    assert.equal(seconds(new Date(Date.now() - 5000).toUTCString()), 0);
    const later = seconds(new Date(Date.now() + 5000).toUTCString()) ?? 0;
    assert.ok(later >= 4 && later <= 5, String(later));
  });
});
