/* tslint:disable */
/* eslint-disable */

/** A request to the API server. `contentType` and `body` come together; `path` is percent-encoded, `query` is not. */
export interface KubeRequest {
    id: number;
    method: "GET" | "POST" | "PATCH" | "DELETE";
    path: string;
    query: Record<string, string>;
    contentType?: string;
    /** JSON text */
    body?: string;
    /** Why it is sent. */
    why: string;
    /** Sent twice, it does what it does sent once. Never repeat after a 409. */
    retrySafe: boolean;
}

/** What became of a request. `not-sent` says that it cannot have taken effect. `retryAfter` is in seconds. */
export type KubeResponse =
| { id: number; status: number; body: string; retryAfter?: number }
| { id: number; error: "timeout" | "connection" | "not-sent"; message?: string };

/** One change of an object; `request` is there in a plan only. */
export interface KubeChange {
    action: "create" | "update" | "delete";
    kind: string;
    namespace: string;
    name: string;
    /** Those of a phase go out together, phases one after the other. */
    phase: string;
    why: string;
    request?: KubeRequest;
}

/** Something about an object, or about all of a kind where `name` is left out. */
export interface KubeRemark { kind: string; namespace?: string; name?: string; why: string }

/** What a program did or, in a plan, would do. */
export interface KubeOutcome {
    unchanged: number;
    changes: KubeChange[];
    /** Whose pods are restarted by it. */
    restarts: KubeRemark[];
    /** What could not be read and is therefore unknown. */
    unknown: KubeRemark[];
    /** `Program.readMesh`: the JSON text of a Kubernetes `List`. */
    manifests?: string;
    /** How many wanted policies were left out; the diagnostics say why. */
    dropped: number;
    diagnostics: Diagnostic[];
}

/** Why a program stopped, and how far it came. */
export interface KubeFailure {
    diagnostic: Diagnostic;
    changes: KubeChange[];
    /** Their requests were sent, and nobody knows whether they took effect. */
    unresolved: KubeChange[];
    dropped: number;
    diagnostics: Diagnostic[];
}

/** Where a program stands. `requests` may be empty: it then waits for answers to earlier ones. */
export type KubeStep =
| { requests: KubeRequest[]; progress: { phase: string; done: number; total: number } }
| { done: KubeOutcome }
| { failed: KubeFailure };

/** What all programs that write take. */
export interface KubeWriteOptions {
    /** Ends after reading: `done.changes` are then what it would do, in order, with their requests. */
    plan?: boolean;
    /** The API server checks every write and keeps none (`dryRun=All`). */
    dryRun?: boolean;
    /** Names the writer in `metadata.managedFields`. */
    fieldManager?: string;
}

export interface PolicyManagerOptions extends KubeWriteOptions {
    /** The application that manages the policies, in names. */
    appName: string;
    /** Its model, in names; raw policies without a namespace go there. */
    modelName: string;
    /** Label selector of all managed policies, and what is added to each. A `null` asks for the key alone. */
    labels: Record<string, string | null> | null;
    /** Limits reading and writing to one namespace. */
    namespace?: string;
    /** Deleting what is gone is no error (true). */
    ignoreMissing?: boolean;
    /** Objects a page (500). */
    pageSize?: number;
}

export interface ReconcilePoliciesOptions extends PolicyManagerOptions {
    policies: Partial<MeshPolicy>[];
    meshType?: "istio";
    rawPolicies?: object[];
    /** Deletes what is managed and not wanted (true). */
    prune?: boolean;
    /** These stay as they are: they are neither made, nor changed, nor deleted. */
    keep?: { namespace: string; name: string }[];
    /** Takes over fields of managed policies that others changed (true). Foreign objects are never taken over. */
    force?: boolean;
    /** Writes nothing when any policy has to be left out, as the Python library does (false). */
    allOrNothing?: boolean;
    /** Server-side apply needs one. */
    fieldManager: string;
}

export interface CharmLabelsOptions extends KubeWriteOptions {
    /** The application, whose StatefulSet and Service get the labels. */
    appName: string;
    namespace: string;
    /** The ConfigMap that remembers them (`juju-service-mesh-APP-labels`). */
    labelConfigmapName?: string;
}

export interface ReconcileCharmLabelsOptions extends CharmLabelsOptions {
    /** Those set before and not among these are removed; `null` removes one in any case. */
    labels: Record<string, string | null>;
}

export interface ReadMeshOptions {
    /** Limits what is read to these namespaces and Istio's; all unless given. */
    namespaces?: string[];
    /** Where Istio's configuration is (`istio-system`). */
    rootNamespace?: string;
    pageSize?: number;
}



/** All that a mesh is read from. */
export interface MeshInput extends CompileInput {
    /** Bundles or manifests: each file tells which it is. */
    files?: Source[];
    /** Kubernetes manifests. */
    manifests?: Source[];
    /** Settings, which win over what the other input says. */
    settings?: Source[];
}

interface MeshAnalysis {
    readonly diagnostics: Diagnostic[];
}



/** An endpoint as a charm declares it: what is left out does not restrict. */
export type EndpointInput = Partial<Endpoint>;

/** Access to an application through its Service, for those related over an endpoint. */
export interface AppPolicy { kind: "app"; relation: string; endpoints: EndpointInput[]; service?: string | null }
/** Access to an application's pods, for those related over an endpoint. */
export interface UnitPolicy { kind: "unit"; relation: string; ports?: number[] | null }
/** @deprecated means what AppPolicy means */
export interface Policy { kind: "policy"; relation: string; endpoints: EndpointInput[]; service?: string | null }
export type CharmPolicy = AppPolicy | UnitPolicy | Policy;

/** What a charm tells an application of another model about itself. */
export interface CmrData { app_name: string; juju_model_name: string }

/** What is thrown where the library raises. */
export interface MeshPolicyError extends Error { code: string; diagnostics: Diagnostic[] }

/** One MeshPolicy for each policy and each application related over its endpoint. */
export function buildMeshPolicies(options: {
    relationMapping: Record<string, { id?: number; app: string }[]>;
    targetAppName: string;
    targetNamespace: string;
    policies: CharmPolicy[];
    cmrApplicationData?: Record<string, CmrData>;
}): MeshPolicy[];

/** Reads `cmr_data` of the far applications' databags; data that does not validate is left out. */
export function getDataFromCmrRelation(
relations: { app: string; data: Record<string, string> }[],
): Record<string, CmrData>;

/** The text that a consumer writes under `policies` of its databag. */
export function meshPoliciesDatabag(policies: Partial<MeshPolicy>[]): string;

/** The AuthorizationPolicy of each MeshPolicy; `null` for a unit policy that asks for HTTP. */
export function buildPolicyResources(options: {
    appName: string;
    modelName: string;
    policies: Partial<MeshPolicy>[];
}): (AuthorizationPolicy | null)[];

/** Validates as the library does, coercions included, and returns the value with all its fields. */
export function validate(model: "Endpoint", data: unknown): Endpoint;
export function validate(model: "AppPolicy", data: unknown): Omit<AppPolicy, "kind">;
export function validate(model: "UnitPolicy", data: unknown): Omit<UnitPolicy, "kind">;
export function validate(model: "Policy", data: unknown): Omit<Policy, "kind">;
export function validate(model: "MeshPolicy", data: unknown): MeshPolicy;
export function validate(model: "CMRData", data: unknown): CmrData;
export function validate(model: "ServiceMeshProviderAppData", data: unknown): { labels: Record<string, string>; mesh_type: "istio" };

/** A label of model and application, cut with a hash where it would be too long. */
export function charmKubernetesLabel(options: {
    modelName: string;
    appName: string;
    prefix?: string;
    suffix?: string;
    separator?: string;
    maxLength?: number;
}): string;
export function createCharmDefaultLabels(options: { applicationName: string; modelName: string; scope: string }): Record<string, string>;
/** The labels by which the published beacon charm knows the policies that it manages. */
export function beaconLabels(options: { appName: string; modelName: string }): Record<string, string>;
export function generateTelemetryLabels(options: { appName: string; modelName: string }): Record<string, string>;
export function labelConfigmapName(appName: string): string;
export function peerIdentityForJujuApplication(appName: string, namespace: string): string;
export function peerIdentityForServiceAccount(serviceAccount: string, namespace: string): string;



/** Files of expectations. */
export interface ExpectationInput {
    expectations: Source[];
}

interface Checked {
    readonly diagnostics: Diagnostic[];
}



/** One input file. */
export interface Source {
    /** Its name, for diagnostics. */
    file: string;
    /** Its content; bytes are read as UTF-8. */
    text: string | Uint8Array;
    /** The model that a bundle or databag is of. */
    model?: string;
    /** It is an overlay of the bundle before it. */
    overlay?: boolean;
}

/** All input of a compilation. */
export interface CompileInput {
    /** Juju bundles, one a model, each followed by its overlays. */
    bundles?: Source[];
    /** Charm files. */
    charms?: Source[];
    /** `juju show-unit` of beacons, or lists of MeshPolicies. */
    databags?: Source[];
    /** Settings of the mesh. They are checked, and change no policy. */
    settings?: Source[];
}

/** Something that is wrong, assumed or unknown. */
export interface Diagnostic {
    /** Stable identifier. */
    code: string;
    severity: "error" | "warning" | "note";
    /** One lower-case sentence. */
    message: string;
    /** What to write or do instead. */
    help?: string;
    /** Line and column count from 1. */
    place?: { file: string; line: number; column: number };
}

export type Method =
| "CONNECT" | "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PATCH" | "POST" | "PUT" | "TRACE";

/** What may be requested; `null` does not restrict. */
export interface Endpoint {
    hosts: string[] | null;
    ports: number[] | null;
    methods: Method[] | null;
    paths: string[] | null;
}

/** Who may reach whom, as charms tell their beacon. */
export interface MeshPolicy {
    source_namespace: string;
    source_app_name: string;
    target_namespace: string;
    target_app_name: string | null;
    target_selector_labels: Record<string, string> | null;
    target_service: string | null;
    target_type: "app" | "unit";
    endpoints: Endpoint[];
}

/** Istio's resource. */
export interface AuthorizationPolicy {
    apiVersion: "security.istio.io/v1";
    kind: "AuthorizationPolicy";
    metadata: {
        name: string;
        namespace: string;
        labels?: Record<string, string>;
        annotations?: Record<string, string>;
    };
    spec: Record<string, unknown>;
}

/** What one application applies, found again by `labels`. `conditional` may or may not exist. */
export interface ManagedPolicies {
    appName: string;
    modelName: string;
    labels: Record<string, string>;
    policies: AuthorizationPolicy[];
    conditional: AuthorizationPolicy[];
}

interface Compilation {
    /** The text of `json()` or `yaml()` in parts, for what no string can hold. */
    parts(format: "json" | "yaml"): CompilationParts;
    readonly diagnostics: Diagnostic[];
    readonly meshPolicies: MeshPolicy[];
    readonly authorizationPolicies: AuthorizationPolicy[];
    readonly origins: Origin[];
}

/** A place in an input file; line and column count from 1. */
export interface Place { file: string; line: number; column: number }

/** Where the input asks for an AuthorizationPolicy. */
export interface Origin {
    /** The policy in the charm file or databag. */
    declared?: Place;
    /** The relation in the bundle that names the policy's source. */
    related?: Place;
}



interface MeshAnalysis {
    /** All findings: about the input, and about the policies. */
    lint(): Diagnostic[];
}



/**
 * How expectations fared. Call `free()` when done.
 */
export class Checked {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * `{"passed", "failed", "results", "untouched"}` as JSON text.
     */
    json(): string;
    /**
     * A file could not be used.
     */
    readonly badInput: boolean;
}

/**
 * The result of a compilation. It lives outside of JavaScript's heap: call `free()` when done.
 */
export class Compilation {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * `{"meshPolicies": […], "authorizationPolicies": […], "diagnostics": […]}` as JSON text.
     *
     * Throws an `Error` with `code` `output-too-large` where no string can hold it; see `parts`.
     */
    json(): string;
    /**
     * Who applies which policies: `{"managers": ManagedPolicies[], "unmanaged": AuthorizationPolicy[]}` as
     * JSON text. A charm makes the unmanaged ones itself.
     */
    managed(): string;
    /**
     * The AuthorizationPolicies as YAML documents, for `kubectl apply -f -`.
     *
     * Throws an `Error` with `code` `output-too-large` where no string can hold it; see `parts`.
     */
    yaml(): string;
    /**
     * The input could not be used.
     */
    readonly badInput: boolean;
    /**
     * A diagnostic dropped a policy.
     */
    readonly dropped: boolean;
}

/**
 * The text of a compilation, handed out in parts. Call `free()` when done.
 */
export class CompilationParts {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The next part as UTF-8, some hundred kilobytes; `undefined` at the end.
     */
    read(): Uint8Array | undefined;
}

/**
 * A mesh made ready to be asked. It lives outside of JavaScript's heap: call `free()` when done.
 */
export class MeshAnalysis {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Answers requests, one JSON object a line, by one JSON object a line.
     */
    ask(lines: string): string;
    /**
     * What a change from this mesh to another means, as JSON text: `{"equivalent", "granted",
     * "revoked", "unknown", "notCompared"}`. With `described`, requests of clients that the input
     * describes, or without identity, with methods in common use; else all that there may be.
     */
    diffTo(other: MeshAnalysis, described?: boolean | null): string;
    /**
     * Answers one request, a JSON object, in sentences.
     */
    explain(request: string): string;
    /**
     * What there is to draw, as JSON text: `{"applications", "refused", "policies", "rows", "notSolved"}`.
     */
    overview(): string;
    /**
     * Whether the states that a plan goes through are safe, as JSON text: `{"safe", "moments"}`. The mesh has the policies
     * as they are now; `changes` is the JSON text of a plan's changes.
     */
    prove(changes: string): string;
    /**
     * Who may reach whom, as JSON text: `{"rows", "notSolved"}`.
     */
    reach(): string;
    /**
     * The same in sentences, as the command line prints it.
     */
    suggestText(input: MeshInput, request: string): string | undefined;
    /**
     * What to declare so that a request, a JSON object, would be allowed, as JSON text: `{"possible", "text", "edits"}`, an
     * edit being `{"file", "what", "line", "column", "insert"}`; `undefined` for a request that is not denied. The input is
     * the one that this was made of.
     *
     * Throws a `TypeError` where the input has another shape, and an `Error` where the request has.
     */
    suggest(input: MeshInput, request: string): string | undefined;
    /**
     * Checks files of expectations.
     *
     * Throws a `TypeError` where the argument has another shape; whatever is wrong with the files
     * is a diagnostic.
     */
    test(input: ExpectationInput): Checked;
    /**
     * Answers one request, a JSON object, by a JSON object with all that was considered.
     */
    trace(request: string): string;
    /**
     * The input could not be used.
     */
    readonly badInput: boolean;
}

/**
 * A conversation with an API server. It sends nothing itself: send the requests of `step()`, and
 * hand the answers to `resume()`. Steps and answers are JSON text: `KubeStep` and `KubeResponse[]`.
 * It lives outside of JavaScript's heap: call `free()` when done.
 */
export class Program {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * `PolicyResourceManager.delete`
     */
    static deletePolicies(options: PolicyManagerOptions): Program;
    /**
     * Reads what decides about access: `done.manifests`.
     */
    static readMesh(options: ReadMeshOptions): Program;
    /**
     * `reconcile_charm_labels`
     */
    static reconcileCharmLabels(options: ReconcileCharmLabelsOptions): Program;
    /**
     * `PolicyResourceManager.reconcile`
     */
    static reconcilePolicies(options: ReconcilePoliciesOptions): Program;
    /**
     * Takes all labels away again, then deletes the ConfigMap that remembers them.
     */
    static removeCharmLabels(options: CharmLabelsOptions): Program;
    /**
     * Goes on with the JSON text of a `KubeResponse[]`: answers to some of the requests that are out.
     * Returns the JSON text of the next `KubeStep`, with only the new requests.
     */
    resume(responses: string): string;
    /**
     * Where it stands: the JSON text of a `KubeStep`.
     */
    step(): string;
}

/**
 * Reads a mesh and makes it ready: bundles, charm files, databags, manifests, settings.
 *
 * Throws a `TypeError` where the argument has another shape; whatever is wrong with the files
 * is a diagnostic.
 */
export function analyse(input: MeshInput): MeshAnalysis;

/**
 * Compiles bundles, charm files and databags.
 *
 * Throws a `TypeError` where the argument has another shape; whatever is wrong with the files
 * is a diagnostic.
 */
export function compile(input: CompileInput): Compilation;

/**
 * Answers one request of the conformance protocol; see `tests/oracle/README.md`.
 */
export function conformance(line: string): string;

/**
 * A consumer's hook; see `host/juju.js`.
 */
export function consumerHook(request: string): string;

/**
 * Whether a file is one of expectations.
 */
export function isExpectations(bytes: Uint8Array | number[]): boolean;

/**
 * A provider's hook; see `host/juju.js`.
 */
export function providerHook(request: string): string;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_checked_free: (a: number, b: number) => void;
    readonly __wbg_compilation_free: (a: number, b: number) => void;
    readonly __wbg_compilationparts_free: (a: number, b: number) => void;
    readonly __wbg_meshanalysis_free: (a: number, b: number) => void;
    readonly __wbg_program_free: (a: number, b: number) => void;
    readonly analyse: (a: any) => [number, number, number];
    readonly beaconLabels: (a: any) => [number, number, number];
    readonly buildMeshPolicies: (a: any) => [number, number, number];
    readonly buildPolicyResources: (a: any) => [number, number, number];
    readonly charmKubernetesLabel: (a: any) => [number, number, number, number];
    readonly checked_badInput: (a: number) => number;
    readonly checked_diagnostics: (a: number) => [number, number, number];
    readonly checked_json: (a: number) => [number, number];
    readonly compilation_authorizationPolicies: (a: number) => [number, number, number];
    readonly compilation_badInput: (a: number) => number;
    readonly compilation_diagnostics: (a: number) => [number, number, number];
    readonly compilation_dropped: (a: number) => number;
    readonly compilation_json: (a: number) => [number, number, number];
    readonly compilation_managed: (a: number) => [number, number];
    readonly compilation_meshPolicies: (a: number) => [number, number, number];
    readonly compilation_origins: (a: number) => [number, number, number];
    readonly compilation_parts: (a: number, b: number, c: number) => [number, number, number];
    readonly compilation_yaml: (a: number) => [number, number, number];
    readonly compilationparts_read: (a: number) => any;
    readonly compile: (a: any) => [number, number, number];
    readonly conformance: (a: number, b: number) => [number, number];
    readonly consumerHook: (a: number, b: number) => [number, number];
    readonly createCharmDefaultLabels: (a: any) => [number, number, number];
    readonly generateTelemetryLabels: (a: any) => [number, number, number];
    readonly getDataFromCmrRelation: (a: any) => [number, number, number];
    readonly isExpectations: (a: number, b: number) => number;
    readonly labelConfigmapName: (a: number, b: number) => [number, number];
    readonly meshPoliciesDatabag: (a: any) => [number, number, number, number];
    readonly meshanalysis_ask: (a: number, b: number, c: number) => [number, number];
    readonly meshanalysis_badInput: (a: number) => number;
    readonly meshanalysis_diagnostics: (a: number) => [number, number, number];
    readonly meshanalysis_diffTo: (a: number, b: number, c: number) => [number, number];
    readonly meshanalysis_explain: (a: number, b: number, c: number) => [number, number, number, number];
    readonly meshanalysis_lint: (a: number) => [number, number, number];
    readonly meshanalysis_overview: (a: number) => [number, number];
    readonly meshanalysis_prove: (a: number, b: number, c: number) => [number, number, number, number];
    readonly meshanalysis_reach: (a: number) => [number, number];
    readonly meshanalysis_suggest: (a: number, b: any, c: number, d: number) => [number, number, number, number];
    readonly meshanalysis_suggestText: (a: number, b: any, c: number, d: number) => [number, number, number, number];
    readonly meshanalysis_test: (a: number, b: any) => [number, number, number];
    readonly meshanalysis_trace: (a: number, b: number, c: number) => [number, number, number, number];
    readonly peerIdentityForJujuApplication: (a: number, b: number, c: number, d: number) => [number, number];
    readonly peerIdentityForServiceAccount: (a: number, b: number, c: number, d: number) => [number, number];
    readonly program_deletePolicies: (a: any) => [number, number, number];
    readonly program_readMesh: (a: any) => [number, number, number];
    readonly program_reconcileCharmLabels: (a: any) => [number, number, number];
    readonly program_reconcilePolicies: (a: any) => [number, number, number];
    readonly program_removeCharmLabels: (a: any) => [number, number, number];
    readonly program_resume: (a: number, b: number, c: number) => [number, number];
    readonly program_step: (a: number) => [number, number];
    readonly providerHook: (a: number, b: number) => [number, number];
    readonly validate: (a: number, b: number, c: any) => [number, number, number];
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_exn_store: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
