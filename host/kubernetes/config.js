// Which API server, and as whom: kubeconfig files, a pod's service account, credential programs. The reading is
// @kubernetes/client-node's; it is loaded only when a cluster is wanted, since it takes most of a second.
import { isIP } from 'node:net';
import { ConnectionError } from './errors.js';

/** A program that gives credentials may ask somebody; one that hangs must not hold us for ever. */
const CREDENTIALS_MS = 60_000;

/**
 * @typedef {object} Credentials
 * @property {Record<string, string>} headers
 * @property {import('node:https').AgentOptions} tls
 * @property {import('node:http').Agent} [proxy] an agent that goes through the kubeconfig's `proxy-url`
 *
 * @typedef {object} Access
 * @property {URL} server
 * @property {string} namespace the context's
 * @property {string} context its name
 * @property {() => Promise<Credentials>} credentials asks again each time
 */

/** @param {unknown} error */
const reason = (error) => (error instanceof Error ? error.message : String(error)).trim() || 'no reason was given';

/**
 * Reads the configuration anew, so that credentials that were replaced in the meantime are seen.
 *
 * @param {{ kubeconfig?: string, context?: string }} options
 */
async function load({ kubeconfig, context }) {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const source = kubeconfig ?? process.env.KUBECONFIG;
  try {
    if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
    else config.loadFromDefault();
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new ConnectionError(
      'config',
      `cannot read the kubeconfig${source ? ` \`${source}\`` : ''}: ${code === 'ENOENT' ? 'there is no such file' : reason(error)}`,
      { help: 'give one by `--kubeconfig` or the variable KUBECONFIG', cause: error },
    );
  }
  // What the library makes up where it finds nothing.
  if (kubeconfig === undefined && config.getCurrentContext() === 'loaded-context') {
    throw new ConnectionError('config', 'no cluster is configured', {
      help: 'give a kubeconfig by `--kubeconfig`, the variable KUBECONFIG or `~/.kube/config`, or run in a pod of the cluster',
    });
  }
  if (context !== undefined) config.setCurrentContext(context);
  const name = config.getCurrentContext();
  const found = name ? config.getContextObject(name) : null;
  if (!found) {
    const known = config.getContexts().map((one) => `\`${one.name}\``);
    throw new ConnectionError(
      'config',
      name ? `the kubeconfig has no context \`${name}\`` : 'the kubeconfig has no current context',
      { help: known.length > 0 ? `it has ${known.join(', ')}: choose one by \`--context\`` : 'it has no contexts at all' },
    );
  }
  const cluster = config.getCluster(found.cluster);
  if (!cluster) {
    throw new ConnectionError('config', `the context \`${name}\` names the cluster \`${found.cluster}\`, which the kubeconfig does not have`);
  }
  const user = found.user ? config.getUser(found.user) : { name: 'nobody' };
  if (!user) {
    throw new ConnectionError('config', `the context \`${name}\` names the user \`${found.user}\`, whom the kubeconfig does not have`);
  }
  return { config, cluster: { ...cluster }, user: { ...user }, namespace: found.namespace ?? 'default', name };
}

/**
 * @param {string} text
 * @param {boolean} unsafe the kubeconfig says that certificates are not to be checked
 */
function serverUrl(text, unsafe) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new ConnectionError('config', `the kubeconfig's server \`${text}\` is no URL`);
  }
  const host = url.hostname;
  const near = host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && (near || unsafe))) {
    throw new ConnectionError('config', `the kubeconfig's server \`${text}\` is not https, so credentials would be sent in the open`, {
      help: 'use its https address; http is taken on the loopback only, as `kubectl proxy` gives it',
    });
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

/**
 * @param {{ kubeconfig?: string, context?: string }} options
 * @returns {Promise<Access>}
 */
export async function access(options) {
  const first = await load(options);
  const server = serverUrl(first.cluster.server, first.cluster.skipTLSVerify === true);
  return {
    server,
    namespace: first.namespace,
    context: first.name,
    credentials: async () => {
      const { config, cluster, user } = await load(options);
      // client-node refuses every http server; which are fine was decided above.
      if (server.protocol === 'http:') cluster.skipTLSVerify = true;
      const exec = user.exec ?? user.authProvider?.config?.exec;
      if (exec) {
        // Without it, programs made with client-go's helpers refuse to work. client-node does not set it.
        const info = {
          apiVersion: exec.apiVersion ?? 'client.authentication.k8s.io/v1',
          kind: 'ExecCredential',
          spec: {
            interactive: false,
            ...(exec.provideClusterInfo
              ? { cluster: { server: cluster.server, 'certificate-authority-data': cluster.caData, 'tls-server-name': cluster.tlsServerName } }
              : {}),
          },
        };
        user.exec = { ...exec, env: [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }] };
      }
      config.loadFromClusterAndUser(cluster, user);
      /** @type {import('node:https').RequestOptions} */
      const found = {};
      await applied(config, found, exec);
      const { ca, cert, key, servername, rejectUnauthorized, auth, agent } = found;
      const headers = Object.fromEntries(
        Object.entries(found.headers ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value).trim()]])),
      );
      if (auth) headers.Authorization = `Basic ${Buffer.from(auth).toString('base64')}`;
      return {
        headers,
        tls: { ca, cert, key, servername, rejectUnauthorized },
        ...(cluster.proxyUrl && agent ? { proxy: /** @type {import('node:http').Agent} */ (agent) } : {}),
      };
    },
  };
}

/**
 * @param {import('@kubernetes/client-node').KubeConfig} config
 * @param {import('node:https').RequestOptions} options
 * @param {{ command?: string, installHint?: string } | undefined} exec
 */
async function applied(config, options, exec) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CREDENTIALS_MS / 1000} s`)), CREDENTIALS_MS);
  });
  try {
    await Promise.race([config.applyToHTTPSOptions(options), late]);
  } catch (error) {
    const missing = /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT';
    throw new ConnectionError(
      'credentials',
      exec
        ? `\`${exec.command}\`, which the kubeconfig names for credentials, ${missing ? 'is not installed' : `failed: ${reason(error)}`}`
        : `the kubeconfig's credentials cannot be used: ${reason(error)}`,
      { help: exec?.installHint, cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}
