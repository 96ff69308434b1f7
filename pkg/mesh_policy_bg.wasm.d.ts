/* tslint:disable */
/* eslint-disable */
export const memory: WebAssembly.Memory;
export const __wbg_compilation_free: (a: number, b: number) => void;
export const compilation_authorizationPolicies: (a: number) => [number, number, number];
export const compilation_badInput: (a: number) => number;
export const compilation_diagnostics: (a: number) => [number, number, number];
export const compilation_dropped: (a: number) => number;
export const compilation_json: (a: number) => [number, number];
export const compilation_meshPolicies: (a: number) => [number, number, number];
export const compilation_yaml: (a: number) => [number, number];
export const compile: (a: any) => [number, number, number];
export const conformance: (a: number, b: number) => [number, number];
export const __wbindgen_malloc: (a: number, b: number) => number;
export const __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
export const __wbindgen_free: (a: number, b: number, c: number) => void;
export const __wbindgen_exn_store: (a: number) => void;
export const __externref_table_alloc: () => number;
export const __wbindgen_externrefs: WebAssembly.Table;
export const __externref_table_dealloc: (a: number) => void;
export const __wbindgen_start: () => void;
