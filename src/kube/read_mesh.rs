//! Reading from a cluster what decides about access.

use super::answer::accepted;
use super::list::{Listing, Page, items};
use super::options::{Options, path};
use super::{
    Conversation, Failure, KubeRequest, KubeResponse, Outcome, Progress, Remark, Step, code, json,
};
use crate::diagnostic::Diagnostic;
use crate::istio;
use crate::text::{Node, Value};

/// The namespace of Istio's own configuration, unless told otherwise.
const ROOT_NAMESPACE: &str = "istio-system";
const MESH_CONFIG: &str = "istio";

/// Where objects of a kind live.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// They are the namespaces.
    Namespaces,
    Namespaced,
    Cluster,
}

/// A kind that is read.
struct Kind {
    version: &'static str,
    kind: &'static str,
    /// What the path begins with.
    root: &'static str,
    plural: &'static str,
    scope: Scope,
}

const CORE: &str = "/api/v1";
const GATEWAYS: &str = "/apis/gateway.networking.k8s.io/v1";
const NETWORKING: &str = "/apis/networking.istio.io/v1";
const SECURITY: &str = "/apis/security.istio.io/v1";

const fn kind(
    version: &'static str,
    kind: &'static str,
    root: &'static str,
    plural: &'static str,
    scope: Scope,
) -> Kind {
    Kind {
        version,
        kind,
        root,
        plural,
        scope,
    }
}

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    kind("v1", "Namespace", CORE, "namespaces", Scope::Namespaces),
    kind("v1", "Service", CORE, "services", Scope::Namespaced),
    kind("v1", "Pod", CORE, "pods", Scope::Namespaced),
    kind("v1", "ServiceAccount", CORE, "serviceaccounts", Scope::Namespaced),
    kind("gateway.networking.k8s.io/v1", "GatewayClass", GATEWAYS, "gatewayclasses", Scope::Cluster),
    kind("gateway.networking.k8s.io/v1", "Gateway", GATEWAYS, "gateways", Scope::Namespaced),
    kind("networking.istio.io/v1", "Gateway", NETWORKING, "gateways", Scope::Namespaced),
    kind("networking.istio.io/v1", "ServiceEntry", NETWORKING, "serviceentries", Scope::Namespaced),
    kind(istio::API_VERSION, istio::KIND, SECURITY, "authorizationpolicies", Scope::Namespaced),
    kind(istio::API_VERSION, "PeerAuthentication", SECURITY, "peerauthentications", Scope::Namespaced),
];

/// What these programs may be told.
pub(super) const OPTIONS: [&str; 3] = ["namespaces", "rootNamespace", "pageSize"];

/// Starts the program.
pub(super) fn start(options: &Options<'_>) -> Result<Box<dyn Conversation + Send>, Diagnostic> {
    let root = options.name("rootNamespace")?.unwrap_or(ROOT_NAMESPACE);
    let page_size = options.page_size()?;
    let mut namespaces: Vec<&str> = Vec::new();
    for node in options.list("namespaces")? {
        match node
            .as_str()
            .filter(|name| super::options::is_addressable(name))
        {
            Some(name) => namespaces.push(name),
            None => {
                let message = "the option `namespaces` must be a list of names";
                return Err(Diagnostic::error(code::WRONG_OPTION, message));
            }
        }
    }
    // Istio's own namespace holds the policies of the whole mesh.
    if !namespaces.is_empty() {
        namespaces.push(root);
    }
    crate::order::sort(&mut namespaces);
    namespaces.dedup();
    let mut reads = Vec::new();
    for kind in KINDS {
        let mut read = |namespace: &str, path: String, is_single: bool| {
            reads.push(Read {
                version: kind.version,
                kind: kind.kind,
                namespace: namespace.to_owned(),
                listing: Listing::new(kind.kind, path, None, page_size.clone()),
                // A cluster may do without Istio, not without pods.
                is_optional: kind.root != CORE,
                is_single,
                texts: Vec::new(),
                is_over: false,
            });
        };
        if namespaces.is_empty() || kind.scope == Scope::Cluster {
            read("", path(kind.root, &[kind.plural]), false);
            continue;
        }
        for namespace in &namespaces {
            if kind.scope == Scope::Namespaced {
                let path = path(kind.root, &["namespaces", namespace, kind.plural]);
                read(namespace, path, false);
            } else {
                read(namespace, path(kind.root, &[kind.plural, namespace]), true);
            }
        }
    }
    reads.push(Read {
        version: "v1",
        kind: "ConfigMap",
        namespace: root.to_owned(),
        listing: Listing::new(
            "ConfigMap",
            path("/api/v1", &["namespaces", root, "configmaps", MESH_CONFIG]),
            None,
            page_size,
        ),
        is_optional: true,
        is_single: true,
        texts: Vec::new(),
        is_over: false,
    });
    Ok(Box::new(ReadMesh {
        reads,
        sent: Vec::new(),
        begun: 0,
        unknown: Vec::new(),
    }))
}

struct Read {
    version: &'static str,
    kind: &'static str,
    namespace: String,
    listing: Listing,
    is_optional: bool,
    /// It is one object, not a list.
    is_single: bool,
    /// JSON text of the objects.
    texts: Vec<String>,
    is_over: bool,
}

impl Read {
    /// Whether an object may be what was asked for: another kind's would be read as this one's. Items of
    /// lists need not say their kind.
    fn asked_for(&self, object: &Node<'_>) -> bool {
        let kind = object.get("kind").and_then(Node::as_str);
        let namespace = object
            .get("metadata")
            .and_then(|metadata| metadata.get("namespace")?.as_str());
        kind.is_none_or(|kind| kind == self.kind)
            && (self.namespace.is_empty() || namespace.is_none_or(|one| one == self.namespace))
    }
}

fn another(kind: &str) -> Diagnostic {
    let message = format!("cannot read {kind}: what came back is something else");
    Diagnostic::error(code::UNREADABLE, message)
        .help("check that the address is that of an API server")
}

struct ReadMesh {
    reads: Vec<Read>,
    /// Which read each request is for; ids count from 1.
    sent: Vec<usize>,
    begun: usize,
    unknown: Vec<Remark>,
}

impl ReadMesh {
    fn send(&mut self, at: usize) -> Option<KubeRequest> {
        self.sent.push(at);
        let id = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        let read = self.reads.get(at)?;
        let mut request = read.listing.request(id);
        if read.is_single {
            request.query.clear();
            request.why = format!("to read the {}", read.kind);
        }
        Some(request)
    }

    /// Takes an answer; returns whether another page follows.
    fn take(&mut self, at: usize, response: &KubeResponse) -> Result<bool, Diagnostic> {
        let Some(read) = self.reads.get_mut(at) else {
            return Ok(false);
        };
        if read.is_single {
            read.is_over = true;
            return match accepted(response) {
                Ok(document) if !read.asked_for(&document.root) => Err(another(read.kind)),
                Ok(document) => {
                    read.texts
                        .push(object(&document.root, read.version, read.kind));
                    Ok(false)
                }
                Err(problem) if matches!(problem.status, Some(403 | 404)) => {
                    let why = problem.diagnostic("read it").message;
                    self.unknown.push(remark(read, why));
                    Ok(false)
                }
                Err(problem) => Err(problem.diagnostic(&format!("read {}", read.kind))),
            };
        }
        match read.listing.take(response) {
            Ok(Page::Restarted) => {
                read.texts.clear();
                Ok(true)
            }
            Ok(Page::Objects(document, is_last)) => {
                let Some(items) = items(&document) else {
                    let message = format!("cannot list {}: what came back is no list", read.kind);
                    return Err(Diagnostic::error(code::UNREADABLE, message)
                        .help("check that the address is that of an API server"));
                };
                for item in items {
                    if !read.asked_for(item) {
                        return Err(another(read.kind));
                    }
                    read.texts.push(object(item, read.version, read.kind));
                }
                read.is_over = is_last;
                Ok(!is_last)
            }
            // A kind that nobody may read or that is not there leaves a gap; the answer says so.
            Err(error) if error.is_forbidden() || (error.is_missing_kind() && read.is_optional) => {
                read.is_over = true;
                let why = error.diagnostic(read.kind).message;
                self.unknown.push(remark(read, why));
                Ok(false)
            }
            Err(error) => Err(error.diagnostic(read.kind)),
        }
    }

    fn step(&mut self, mut requests: Vec<KubeRequest>, unanswered: usize) -> Step {
        // One request of each read is out at most, so counting reads that began is enough.
        let mut room = super::MAX_IN_FLIGHT.saturating_sub(unanswered + requests.len());
        while room > 0 && self.begun < self.reads.len() {
            room -= 1;
            requests.extend(self.send(self.begun));
            self.begun += 1;
        }
        let done = self.reads.iter().filter(|read| read.is_over).count();
        if done < self.reads.len() {
            let total = self.reads.len();
            return Step::Requests(
                requests,
                Progress {
                    phase: "reading",
                    done,
                    total,
                },
            );
        }
        let mut text = String::from("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
        let mut is_first = true;
        for item in self.reads.iter().flat_map(|read| &read.texts) {
            if !is_first {
                text.push(',');
            }
            is_first = false;
            text.push_str(item);
        }
        text.push_str("]}");
        Step::Done(Outcome {
            unknown: std::mem::take(&mut self.unknown),
            manifests: Some(text),
            ..Outcome::default()
        })
    }

    fn unanswered(&self) -> usize {
        let begun = self.reads.iter().take(self.begun);
        begun.filter(|read| !read.is_over).count()
    }
}

impl Conversation for ReadMesh {
    fn start(&mut self) -> Step {
        self.step(Vec::new(), 0)
    }

    fn resume(&mut self, responses: Vec<KubeResponse>) -> Step {
        let mut requests = Vec::new();
        for response in &responses {
            let at = usize::try_from(response.id).unwrap_or(0).wrapping_sub(1);
            let Some(&at) = self.sent.get(at) else {
                continue;
            };
            match self.take(at, response) {
                Err(diagnostic) => return Step::Failed(Failure::before_anything(diagnostic)),
                Ok(true) => requests.extend(self.send(at)),
                Ok(false) => {}
            }
        }
        let unanswered = self.unanswered().saturating_sub(requests.len());
        self.step(requests, unanswered)
    }
}

fn remark(read: &Read, why: String) -> Remark {
    Remark {
        kind: read.kind,
        namespace: read.namespace.clone(),
        name: if read.kind == "ConfigMap" {
            MESH_CONFIG.to_owned()
        } else {
            String::new()
        },
        why,
    }
}

/// An object as a manifest: items of lists do not say what they are. Who manages which field
/// does not matter to readers, and is more than half of the text.
fn object(node: &Node<'_>, version: &str, kind: &str) -> String {
    let mut text = String::from("{");
    json::field(&mut text, "apiVersion", version);
    text.push(',');
    json::field(&mut text, "kind", kind);
    let members = node.as_object();
    for member in members.into_iter().flat_map(|object| object.iter()) {
        if member.key == "apiVersion" || member.key == "kind" {
            continue;
        }
        text.push(',');
        json::key(&mut text, &member.key);
        match &member.value.value {
            Value::Object(metadata) if member.key == "metadata" => {
                let mut metadata = metadata.clone();
                metadata
                    .members
                    .retain(|member| member.key != "managedFields");
                json::value(&mut text, &Value::Object(metadata));
            }
            value => json::value(&mut text, value),
        }
    }
    text.push('}');
    text
}
