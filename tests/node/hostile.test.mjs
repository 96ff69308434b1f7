// Input that hurts, given to every command at every place that takes a file: exit 2 with one message that has a code or a
// reason, no stack trace, soon. Times are the processor's, because a busy machine is no fault of ours.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mesh-policy-hostile-'));
after(() => rmSync(folder, { recursive: true }));

/** @param {string} name @param {string | Buffer} content */
function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Makes a child tell its processor time, in milliseconds, on descriptor 3. */
const TELL = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  process.on('exit', () => { const { user, system } = process.cpuUsage(); writeSync(3, String((user + system) / 1000)); });
`)}`;

/** @param {string[]} args @param {string | Buffer} [input] */
function run(args, input = '') {
  const { status, signal, output } = spawnSync(process.execPath, ['--import', TELL, join(ROOT, 'host/cli.js'), ...args], {
    input,
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 120_000,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // A hook is told by its environment where it is.
    env: { ...process.env, NO_COLOR: '1', JUJU_UNIT_NAME: 'web/0', JUJU_MODEL_NAME: 'm', JUJU_DISPATCH_PATH: 'hooks/config-changed' },
  });
  const [, stdout, stderr, told] = output;
  return { status, signal, stdout: stdout ?? '', stderr: stderr ?? '', milliseconds: Number(told) };
}

const MOST_MILLISECONDS = 2000;

/** @param {string} what @param {ReturnType<typeof run>} result @param {number} status @param {RegExp} says */
function check(what, { status: got, signal, stdout, stderr, milliseconds }, status, says) {
  const output = `${stdout}${stderr}`;
  assert.equal(signal, null, `${what}: ended by ${signal}`);
  assert.equal(got, status, `${what}: ${output.slice(0, 1000)}`);
  assert.match(output, says, what);
  assert.doesNotMatch(output, /\n\s+at |RuntimeError|unreachable|fault of mesh-policy/, what);
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(output, /[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/, `${what}: control characters`);
  assert.ok(milliseconds < MOST_MILLISECONDS, `${what} took ${milliseconds} ms of the processor`);
  return output;
}

const bundle = file('bundle.yaml', 'applications: {web: {charm: web}}\n');
const mesh = file('mesh.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n');

/** Every place that a file can take. @type {Record<string, (path: string) => string[]>} */
const PLACES = {
  compile: (path) => ['compile', `m=${path}`],
  charms: (path) => ['compile', `m=${bundle}`, '--charms', path],
  overlay: (path) => ['compile', `m=${bundle}`, '--overlay', path],
  databags: (path) => ['compile', '--databags', path],
  lint: (path) => ['lint', path],
  settings: (path) => ['lint', mesh, '--settings', path],
  explain: (path) => ['explain', path, '--from', 'a/b', '--to', 'service:n/s', '--port', '80'],
  requests: (path) => ['explain', mesh, '--requests', path],
  reach: (path) => ['reach', '--manifests', path],
  'diff, old': (path) => ['diff', path, mesh],
  'diff, new': (path) => ['diff', mesh, path],
  test: (path) => ['test', mesh, '--expect', path],
  plan: (path) => ['plan', `m=${path}`],
  apply: (path) => ['apply', `m=${path}`],
  hook: (path) => ['hook', 'consumer', path],
};

function bomb() {
  let text = 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n';
  for (let level = 1; level < 12; level += 1) {
    text += `a${level}: &a${level} [${Array(10).fill(`*a${level - 1}`).join(',')}]\n`;
  }
  return text;
}

const NO_TEXT = /error\[(malformed-yaml|malformed-json|wrong-shape|invalid-charm-file)\]|cannot be read|larger than/;
/** @type {[string, string, RegExp][]} */
const TEXTS = [
  ['malformed', file('malformed.yaml', 'applications: [\n'), NO_TEXT],
  ['10 MB of nonsense', file('nonsense.yaml', '}%&@ {[: -\t'.repeat(1_000_000)), NO_TEXT],
  ['10 MB of null characters', file('nul.yaml', Buffer.alloc(10_000_000)), NO_TEXT],
  ['one scalar', file('scalar.yaml', '5\n'), NO_TEXT],
  ['nested 100,000 deep', file('deep.yaml', '['.repeat(100_000)), /nested-too-deeply|nested too deeply|cannot be read/],
  ['nested 100,000 deep, JSON', file('deep.json', '{"a":'.repeat(100_000)), /nested-too-deeply|nested too deeply|cannot be read/],
  ['an alias bomb', file('bomb.yaml', bomb()), /too-many-aliases|too many|cannot be read/],
  ['invalid UTF-8', file('latin.yaml', Buffer.from('a: \xe9\n', 'latin1')), /invalid-utf-8|not valid UTF-8/],
];

for (const [what, path, says] of TEXTS) {
  test(`${what}, wherever a file can stand`, () => {
    for (const [place, args] of Object.entries(PLACES)) {
      const output = check(`${what} as ${place}`, run(args(path)), 2, says);
      assert.ok(output.length < 4000, `${what} as ${place}: ${output.length} characters`);
    }
  });
}

test('what is no file to read', { skip: process.platform === 'win32' }, () => {
  const at = (/** @type {string} */ name) => join(folder, name);
  spawnSync('mkfifo', [at('pipe.yaml')]);
  symlinkSync('two.yaml', at('one.yaml'));
  symlinkSync('one.yaml', at('two.yaml'));
  symlinkSync('nowhere', at('dangling.yaml'));
  mkdirSync(at('pipes'));
  spawnSync('mkfifo', [at('pipes/p.yaml')]);
  mkdirSync(at('bare'));
  mkdirSync(at('folders/x.yaml'), { recursive: true });
  mkdirSync(at('circle'));
  symlinkSync('../circle', at('circle/x.yaml'));
  /** @type {[string, RegExp][]} */
  const paths = [
    [at('pipe.yaml'), /it is a pipe, and nothing writes to it/],
    [at('pipes'), /it is a pipe|it is a folder/],
    [at('one.yaml'), /its links go in a circle/],
    [at('dangling.yaml'), /there is no such file or folder/],
    [at('bare'), /has no \.yaml|it is a folder/],
    [at('folders'), /it is a folder/],
    [at('circle'), /it is a folder/],
    ['/dev/zero', /larger than/],
    [at('x'.repeat(100_000)), /no path is that long/],
  ];
  for (const [path, says] of paths) {
    for (const place of ['compile', 'charms', 'settings', 'requests', 'hook']) {
      const args = /** @type {(path: string) => string[]} */ (PLACES[place])(path);
      check(`${path.slice(0, 80)} as ${place}`, run(args), 2, says);
    }
  }
});

test('a pipe that something writes to is read to its end', { skip: process.platform === 'win32' }, () => {
  const script = '"$0" "$1" lint <(sleep 0.3; cat "$2"; sleep 0.3; printf -- "---\\nkind: 5\\n")';
  const { status, stdout } = spawnSync('bash', ['-c', script, process.execPath, join(ROOT, 'host/cli.js'), mesh], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stdout, /:5:1: error\[wrong-shape\]/);
});

/** @param {string} metadata @param {string} [spec] */
const policy = (metadata, spec = '{}') =>
  `{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":${metadata},"spec":${spec}}`;

test('names that nothing may have', () => {
  for (const name of ['a\\u0000b', 'a\\u202eb', 'a\\r\\nb', '__proto__', 'a\\u001b[31mb', '*', '', 'A', 'a/b', '..', 'a'.repeat(100_000)]) {
    const what = `the name ${name.slice(0, 20)}`;
    const object = file('name.json', policy(`{"name":"${name}","namespace":"n"}`));
    check(what, run(['lint', object]), 1, /error\[invalid-name\]/);
    const space = file('space.json', policy(`{"name":"a","namespace":"${name}"}`));
    check(`${what}, of a namespace`, run(['reach', space]), 0, /error\[invalid-name\]/);
    const application = file('application.json', `{"applications":{"${name}":{"charm":"x"}},"relations":[["${name}:a","b:c"]]}`);
    check(`${what}, of an application`, run(['compile', `m=${application}`]), 2, /error\[invalid-name\]/);
    check(`${what}, of a model`, run(['compile', '--databags', file('model.json', JSON.stringify([{ source_namespace: 'm', source_app_name: JSON.parse(`"${name}"`), target_namespace: 'm', target_app_name: 'x', target_selector_labels: null, target_service: null, target_type: 'app', endpoints: [] }]))]), 1, /error\[invalid-(name|policy)\]/);
  }
});

test('nothing that is not seen reaches an output, in whichever form', () => {
  const unseen = '\u202e\u0007\u009b31m\u2028\u2066\ufffe\ufeff\u200b';
  const pod = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"n","annotations":{"sidecar.istio.io/status":"{}"}}}';
  const allowing = policy(
    '{"name":"a","namespace":"n"}',
    JSON.stringify({
      rules: [
        { from: [{ source: { principals: [`\`<img src=x>"|#35;&${unseen}`, `*${unseen}`] } }] },
        { to: [{ operation: { paths: [`/<b>"|#${unseen}*`], methods: [unseen], hosts: [unseen] } }] },
      ],
    }),
  );
  const one = file('pod.json', pod);
  const both = file('unseen.yaml', `${pod}\n---\n${allowing}\n`);
  const expected = file('unseen-expected.json', JSON.stringify([{ name: `<&"${unseen}`, expect: 'deny', from: ['any'], to: 'pod:n/web' }]));
  const databag = file('unseen-databag.json', JSON.stringify([{ source_namespace: 'm', source_app_name: 'a', target_namespace: 'm', target_app_name: 'b', endpoints: [{ paths: [`/${unseen}`] }] }]));
  const question = ['--from', 'outside', '--to', 'pod:n/web', '--port', '80', '--method', 'GET', '--path', `/${unseen.replace('\u0007', '').replace('\u009b', '')}`];
  for (const args of [
    ...['human', 'json', 'sarif', 'github'].map((output) => ['lint', both, '-o', output]),
    ...['table', 'json', 'dot', 'mermaid'].map((output) => ['reach', both, '-o', output]),
    ...['human', 'json', 'junit', 'github'].map((output) => ['test', expected, both, '-o', output]),
    ...['human', 'json', 'markdown', 'github'].map((output) => ['diff', one, both, '-o', output]),
    ...['human', 'json'].map((output) => ['explain', both, ...question, '-o', output]),
    ...['yaml', 'json'].map((output) => ['compile', '--databags', `m=${databag}`, '-o', output]),
  ]) {
    const { status, stdout, stderr } = run(args);
    assert.ok(status === 0 || status === 1, `${args}: ${stderr}`);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]/, args.join(' '));
    if (args.at(-1) === 'mermaid') assert.doesNotMatch(stdout, /<img|<b>|\|#35;&/);
    if (args.at(-1) === 'json') JSON.parse(stdout);
  }
  // It is escaped, not lost.
  const { stdout } = run(['compile', '--databags', `m=${databag}`, '-o', 'json']);
  assert.equal(JSON.parse(stdout).meshPolicies[0].endpoints[0].paths[0], `/${unseen}`);
});

test('what a policy cannot say', () => {
  const metadata = '{"name":"a","namespace":"n"}';
  for (const spec of [
    '5',
    '{"rules":5}',
    '{"rules":[5]}',
    '{"action":"PERHAPS"}',
    '{"rules":[{"to":[{"operation":{"ports":["99999999999999999999"]}}]}]}',
    '{"rules":[{"to":[{"operation":{"ports":[1e999]}}]}]}',
    '{"rules":[{"to":[{"operation":{"paths":["/{*}{**}"]}}]}]}',
    '{"rules":[{"from":[{"source":{"ipBlocks":["999.1.1.1/99"]}}]}]}',
    '{"selector":{"matchLabels":[]}}',
    '{"targetRefs":[{"kind":"Toaster","name":"x"}]}',
    '{"rules":[{"when":[{"key":"__proto__","values":["x"]}]}]}',
  ]) {
    const path = file('spec.json', policy(metadata, spec));
    check(spec.slice(0, 80), run(['lint', path]), 1, /error\[(istio-refuses|refused|wrong|unknown|invalid)[a-z-]*\]/);
  }
});

test('documents in great number are told in a bounded way', () => {
  const documents = file('documents.yaml', '---\n5\n'.repeat(100_000));
  for (const place of ['charms', 'databags', 'lint', 'requests']) {
    const { status, stdout, stderr, milliseconds } = run(/** @type {(path: string) => string[]} */ (PLACES[place])(documents));
    assert.equal(status, 2, `${place}: ${stderr.slice(0, 500)}`);
    assert.ok(milliseconds < MOST_MILLISECONDS, `${place} took ${milliseconds} ms`);
    if (place !== 'requests') assert.ok((stdout + stderr).split('\n').length < 25_000, place);
  }
});

test('requests: those that can be read are answered; none is an error', () => {
  const good = '{"from":null,"to":{"pod":"shop/web"},"port":80}';
  const lines = ['{', '5', '[]', '{"from":null}', 'x'.repeat(1_000_000), '{"__proto__":1}', '{"to":{"pod":"shop/web"},"port":99999999}', '['.repeat(100_000)];
  const all = run(['explain', mesh, '--requests', '-'], lines.join('\n'));
  check('requests of nonsense', { ...all, stdout: '' }, 2, /8 of 8 requests in `-` cannot be read/);
  const some = run(['explain', mesh, '--requests', '-'], [...lines, good].join('\n'));
  assert.equal(some.status, 0, some.stderr);
  assert.match(some.stderr, /warning: 8 of 9 requests/);
  assert.equal(some.stdout.trimEnd().split('\n').map((line) => JSON.parse(line)).filter(({ verdict }) => verdict).length, 1);
  check('no requests', run(['explain', mesh, '--requests', '-'], '\n \n'), 2, /holds no request/);
});

test('options that make no sense', () => {
  for (const [args, says] of /** @type {[string[], RegExp][]} */ ([
    [['lint', mesh, '--max-input', '-1'], /write a number of bytes/],
    [['lint', mesh, '--max-input', '9'.repeat(400)], /write a number of bytes/],
    [['lint', mesh, '--max-input', '0'], /larger than 0 bytes/],
    [['explain', mesh, '--from', 'outside', '--to', 'pod:shop/web', '--port', '65536'], /1 to 65535/],
    [['explain', mesh, '--from', 'outside', '--to', 'pod:shop/web', '--source-ip', '::1::2'], /sourceIp|address/],
    [['explain', mesh, '--from', 'a/b/c', '--to', 'pod:shop/web'], /names no client/],
    [['explain', mesh, '--from', 'outside', '--to', 'pod:shop'], /names no target/],
    [['explain', mesh, '--from', 'outside', '--to', 'pod:shop/web', '--header', 'x'.repeat(100)], /is no header/],
    [['plan', bundle, '--timeout', 'NaN'], /number of seconds/],
    [['diff', mesh], /OLD NEW/],
    [['diff', '--base', '--output=/tmp/x', mesh], /is no commit/],
    [['lint', 'm='], /names no file: write `m=FILE`/],
    [['reach', mesh, '-o', 'json', '-o', 'dot'], /`--output` is given twice/],
    [['explain', mesh, '--from', 'outside', '--from', 'shop/web', '--to', 'pod:shop/web'], /`--from` is given twice/],
    [['explain', mesh, '--from', 'outside', '--to', 'pod:shop/web', '--port', '0'], /1 to 65535/],
    [['explain', mesh, '--from', 'outside', '--to', 'pod:shop/web', '--method', ''], /`--method` is given an empty value/],
    [['explain', mesh, '--from', 'outside', '--to', 'pod:shop/web', '--method', 'ge t'], /`ge t` is no method/],
    [['explain', mesh, '--from', 'outside', '--to', 'pod:shop/web', '--host', 'a\nb'], /is no host/],
    [['explain', mesh, '--requests', '-', '--from', 'outside'], /`--from` asks one question/],
    [['explain', mesh, '--requests', '-', '-o', 'human'], /are JSON/],
    [['lint', '--manifests', '-', '-'], /standard input can be read once/],
    [['plan', `m=${bundle}`, '-n', ''], /`--namespace` is given an empty value/],
    [['apply', `m=${bundle}`, '--allow-exposure'], /give both/],
    [['labels', 'web', 'a=b', '--exit-code'], /give both/],
    [['labels', 'web', 'a=b', '--plan', '--dry-run', 'server'], /give one of the two/],
    [['hook', 'provider', 'a=b', 'a=c'], /`a` is given twice/],
    [['compile', `m=${bundle}`, '--overlay', `n=${bundle}`], /of the model `n`/],
    [['compile', '--databags', bundle, '--overlay', bundle], /give the bundle too/],
    [['test', '--expect', file('none.yaml', '[]'), mesh], /hold no expectation/],
  ])) check(args.join(' ').slice(0, 80), run(args), 2, says);
});

test('headers of any name', () => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    const guarded = file('header.json', policy('{"name":"a","namespace":"n"}', JSON.stringify({ rules: [{ when: [{ key: `request.headers[${name.toLowerCase()}]`, values: ['x'] }] }] })));
    const pod = file('header-pod.json', '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"n","annotations":{"sidecar.istio.io/status":"{}"}}}');
    const args = ['explain', pod, guarded, '--from', 'outside', '--to', 'pod:n/web', '--port', '80', '--method', 'GET', '--path', '/'];
    check(`${name}, not sent`, run(args), 0, /^denied/);
    check(name, run([...args, '--header', `${name}: x`]), 0, /^allowed/);
  }
});

test('a command that is not there is compared with those that are', () => {
  for (const [word, meant] of [['foo', ''], ['tset', 'test'], ['lin', 'lint'], ['explains', 'explain'], ['x', '']]) {
    const { status, stderr } = run([word]);
    assert.equal(status, 2, word);
    assert.equal(stderr, `error: there is no command \`${word}\`${meant ? `: write \`${meant}\`` : ''}\n  help: see \`mesh-policy --help\`\n`);
  }
});

test('a disk that is full is told in one line', { skip: !existsSync('/dev/full') }, () => {
  for (const args of [
    ['compile', `m=${bundle}`, '-o', 'json'],
    ['lint', `m=${bundle}`],
    ['explain', '--manifests', mesh, '--from', 'shop/web', '--to', 'pod:shop/web'],
    ['reach', '--manifests', mesh],
    ['completion', 'bash'],
    ['--help'],
  ]) {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'host/cli.js'), ...args], { encoding: 'utf8', stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    assert.equal(status, 2, `${args}: ${stderr}`);
    assert.match(stderr, /^error: cannot write the output: no space is left on the device$/m);
    assert.doesNotMatch(stderr, /\n\s+at |node:/);
  }
});

test('neither the name of a file nor what is in it becomes a command in the log of a workflow', () => {
  const name = '::add-mask::x.yaml';
  file(name, 'charm: "\u001b]0;##[add-mask]y"\npolicies: x\n');
  for (const output of ['human', 'github', 'json']) {
    const { stdout, stderr } = run(['lint', 'm=bundle.yaml', '--charms', name, '-o', output]);
    for (const line of `${stdout}${stderr}`.split('\n')) {
      assert.doesNotMatch(line, /^\s*::add-mask|##\[add-mask|\u001b/, output);
    }
  }
});

test('standard input without a model is told to be written as it is given', () => {
  check('stdin', run(['lint', '-'], 'saas: {s: {url: admin/m.o}}\napplications: {web: {charm: web}}\n'), 2, /help: write `MODEL=-`/);
});

test('many applications take time in proportion', () => {
  const names = Array.from({ length: 16_000 }, (_, at) => `a${at}`);
  // No mesh: all of them are taken to have sidecars.
  const alone = file('alone.yaml', `applications:\n${names.map((name) => `  ${name}: {charm: c}\n`).join('')}`);
  check('applications', run(['lint', `m=${alone}`]), 0, /no-mesh/);
  const some = names.slice(0, 6000);
  const consumer = file('consumer.yaml', [
    `saas:\n${some.map((name) => `  s${name}: {url: admin/b.o${name}}\n`).join('')}`,
    `applications: {a: {charm: c}}\nrelations:\n${some.map((name) => `- [a:r, s${name}:p]\n- [a:require-cmr-mesh, s${name}:p]\n`).join('')}`,
  ].join(''));
  const offering = file('offering.yaml', `applications:\n${some.map((name) => `  ${name}: {charm: c, offers: {o${name}: {endpoints: [p]}}}\n`).join('')}`);
  const charm = file('related.yaml', 'charm: c\nprovides: {p: {interface: h}}\nrequires: {r: {interface: h}, require-cmr-mesh: {interface: cross_model_mesh}}\n');
  check('offers', run(['compile', `a=${consumer}`, `b=${offering}`, '--charms', charm]), 0, /no-mesh/);
  const endpoints = (/** @type {string} */ of) => Array.from({ length: 300 }, (_, at) => `${of}${at}: {interface: h${at}}`).join(', ');
  const fitting = file('fitting.yaml', `charm: c\nprovides: {${endpoints('p')}}\nrequires: {${endpoints('r')}}\n`);
  const vague = file('vague.yaml', `applications: {a: {charm: c}, b: {charm: c}}\nrelations:\n${'- [a, b]\n'.repeat(6000)}`);
  check('relations', run(['compile', `m=${vague}`, '--charms', fitting]), 1, /can be related in 600 ways/);
});
