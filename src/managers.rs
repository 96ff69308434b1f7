//! Who applies which of the policies that a compilation made.

use crate::compile::Compiled;
use crate::istio::AuthorizationPolicy;
use crate::model::serialize_pairs;
use serde::{Serialize, Serializer};
use std::ops::Range;

/// Names the condition of a policy that may or may not exist.
pub const WHEN_ANNOTATION: &str = "mesh-policy/when";

/// An application that keeps a set of policies as it should be: a beacon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// The application, in Juju and as field manager.
    pub application: String,
    /// Its model.
    pub model: String,
    /// The labels by which it knows its policies.
    pub labels: Vec<(String, String)>,
    /// Where its policies are in `Compiled::authorization_policies`.
    pub policies: Vec<Range<usize>>,
}

/// `managers` are as `ReconcilePoliciesOptions` wants them; `conditional` are policies that may or may
/// not exist, `unmanaged` those that a charm makes itself.
#[derive(Serialize)]
struct Managed<'a> {
    managers: Vec<Share<'a>>,
    unmanaged: Vec<&'a AuthorizationPolicy>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Share<'a> {
    app_name: &'a str,
    model_name: &'a str,
    #[serde(serialize_with = "pairs")]
    labels: &'a [(String, String)],
    policies: Vec<&'a AuthorizationPolicy>,
    conditional: Vec<&'a AuthorizationPolicy>,
}

fn pairs<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serialize_pairs(pairs, serializer)
}

fn is_conditional(policy: &AuthorizationPolicy) -> bool {
    policy
        .annotations
        .iter()
        .any(|(key, _)| key == WHEN_ANNOTATION)
}

/// `{"managers": [{"appName", "modelName", "labels", "policies", "conditional"}], "unmanaged": […]}` as
/// JSON text. A manager without policies is there as well: what it made before has to go.
pub fn managed_json(compiled: &Compiled) -> String {
    let all = &compiled.authorization_policies;
    let mut unmanaged: Vec<Option<&AuthorizationPolicy>> = all.iter().map(Some).collect();
    let mut managers = Vec::with_capacity(compiled.managers.len());
    for manager in &compiled.managers {
        let mut share = Share {
            app_name: &manager.application,
            model_name: &manager.model,
            labels: &manager.labels,
            policies: Vec::new(),
            conditional: Vec::new(),
        };
        for range in &manager.policies {
            for slot in unmanaged.get_mut(range.clone()).unwrap_or_default() {
                match slot.take() {
                    Some(policy) if is_conditional(policy) => share.conditional.push(policy),
                    Some(policy) => share.policies.push(policy),
                    None => {}
                }
            }
        }
        managers.push(share);
    }
    let managed = Managed {
        managers,
        unmanaged: unmanaged.into_iter().flatten().collect(),
    };
    // INVARIANT: every key is a string and no number is NaN in what is built here.
    crate::text::to_json(&managed).unwrap_or_default()
}
