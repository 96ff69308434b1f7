// Real uses of the package's types; `tsc --strict` must accept them and refuse what is marked.
import {
  type AppPolicy,
  type AuthorizationPolicy,
  buildMeshPolicies,
  buildPolicyResources,
  charmKubernetesLabel,
  compile,
  type CompileInput,
  type Diagnostic,
  getDataFromCmrRelation,
  type MeshPolicy,
  meshPoliciesDatabag,
  Method,
  validate,
} from '../../host/index.js';

const input: CompileInput = {
  bundles: [{ file: 'bundle.yaml', text: new Uint8Array(), model: 'shop' }, { file: 'o.yaml', text: '', overlay: true }],
  charms: [{ file: 'charm.yaml', text: 'charm: api' }],
};
const compilation = compile(input);
const policies: MeshPolicy[] = compilation.meshPolicies;
const resources: AuthorizationPolicy[] = compilation.authorizationPolicies;
const errors: Diagnostic[] = compilation.diagnostics.filter(({ severity }) => severity === 'error');
const lines: (number | undefined)[] = errors.map(({ place }) => place?.line);
const [yaml, json]: string[] = [compilation.yaml(), compilation.json()];
const flags: boolean[] = [compilation.dropped, compilation.badInput];
compilation.free();

const app: AppPolicy = { kind: 'app', relation: 'data', endpoints: [{ ports: [80], methods: [Method.get, 'POST'] }] };
const built: MeshPolicy[] = buildMeshPolicies({
  relationMapping: { data: [{ id: 1, app: 'web' }] },
  targetAppName: 'db',
  targetNamespace: 'shop',
  policies: [app, { kind: 'unit', relation: 'data', ports: null }],
  cmrApplicationData: getDataFromCmrRelation([{ app: 'far', data: { cmr_data: '{}' } }]),
});
const text: string = meshPoliciesDatabag(built);
const made: (AuthorizationPolicy | null)[] = buildPolicyResources({ appName: 'b', modelName: 'm', policies: built });
const ports: number[] | null = validate('Endpoint', { ports: ['80'] }).ports;
const label: string = charmKubernetesLabel({ modelName: 'm', appName: 'a', separator: '-' });

// @ts-expect-error a bundle needs a file name
compile({ bundles: [{ text: '' }] });
// @ts-expect-error there is no such method
const wrong: AppPolicy = { kind: 'app', relation: 'data', endpoints: [{ methods: ['FETCH'] }] };
// @ts-expect-error an app policy has endpoints
const bare: AppPolicy = { kind: 'app', relation: 'data' };
// @ts-expect-error results are read-only
compilation.diagnostics = [];

export { bare, flags, json, label, lines, made, policies, ports, resources, text, wrong, yaml };
