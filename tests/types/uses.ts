// Real uses of the package's types; `tsc --strict` must accept them and refuse what is marked.
import {
  AppPolicy,
  type AuthorizationPolicy,
  buildMeshPolicies,
  buildPolicyResources,
  charmKubernetesLabel,
  CmrData,
  compile,
  type CompileInput,
  type Diagnostic,
  Endpoint,
  getDataFromCmrRelation,
  MeshPolicy,
  meshPoliciesDatabag,
  Method,
  ServiceMeshProviderAppData,
  UnitPolicy,
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
const part: Uint8Array | undefined = compilation.parts('json').read();
// @ts-expect-error there is no such notation
compilation.parts('xml');
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

const service: string | null = new AppPolicy({ relation: 'data', endpoints: [new Endpoint({ ports: [80] })] }).service;
const unitPorts: number[] | null = new UnitPolicy({ relation: 'data' }).ports;
const mesh: MeshPolicy = new MeshPolicy({
  source_namespace: 'shop', source_app_name: 'web', target_namespace: 'shop', target_app_name: 'db', endpoints: [{}],
});
const far: CmrData = new CmrData({ app_name: 'far', juju_model_name: 'other' });
const provided: Record<string, string> = new ServiceMeshProviderAppData({ labels: {}, mesh_type: 'istio' }).labels;

// @ts-expect-error a mesh policy has a target's namespace
new MeshPolicy({ source_namespace: 'shop', source_app_name: 'web' });
// @ts-expect-error the kind is the class's
new UnitPolicy({ kind: 'app', relation: 'data' });
// @ts-expect-error a bundle needs a file name
compile({ bundles: [{ text: '' }] });
// @ts-expect-error there is no such method
const wrong: AppPolicy = { kind: 'app', relation: 'data', endpoints: [{ methods: ['FETCH'] }] };
// @ts-expect-error an app policy has endpoints
const bare: AppPolicy = { kind: 'app', relation: 'data' };
// @ts-expect-error results are read-only
compilation.diagnostics = [];

export { bare, far, flags, json, label, lines, made, mesh, policies, ports, provided, resources, service, text, unitPorts, wrong, yaml };
