//! Both sides of a mesh, for hooks: JSON text in, JSON text out. `host/juju.js` is the way to use
//! them.

use crate::juju::request;
use wasm_bindgen::prelude::*;

/// A consumer's hook; see `host/juju.js`.
#[wasm_bindgen(js_name = consumerHook)]
pub fn consumer_hook(request: &str) -> String {
    request::consumer(request)
}

/// A provider's hook; see `host/juju.js`.
#[wasm_bindgen(js_name = providerHook)]
pub fn provider_hook(request: &str) -> String {
    request::provider(request)
}
