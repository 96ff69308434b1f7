//! An API server in memory, as simple as that of `tests/oracle/fake_k8s.py`, whose answers it gives:
//! a merge patch merges, an apply replaces all but the metadata, a stale resourceVersion is a conflict.
//! Lists come in pages.

use crate::kube::{KubeAnswer, KubeRequest};
use crate::text::{Member, Node, Object, Value, parse_json, to_json};
use std::borrow::Cow;

const PLURALS: [(&str, &str); 4] = [
    ("AuthorizationPolicy", "authorizationpolicies"),
    ("ConfigMap", "configmaps"),
    ("Service", "services"),
    ("StatefulSet", "statefulsets"),
];

/// The objects of a cluster.
#[derive(Debug, Clone, Default)]
pub struct FakeCluster {
    /// Sorted by plural, namespace and name.
    objects: Vec<Stored>,
    version: u64,
    /// New objects get a uid, as they do from a real server.
    pub gives_uids: bool,
}

#[derive(Debug, Clone)]
struct Stored {
    key: Key,
    object: Node<'static>,
}

type Key = (String, String, String);

type Refusal = (u16, &'static str, String);

impl FakeCluster {
    /// A cluster with these objects; `None` where one has no kind, name or namespace.
    pub fn of(objects: &[Node<'_>]) -> Option<Self> {
        let mut cluster = FakeCluster::default();
        for object in objects {
            let kind = object.get("kind")?.as_str()?;
            let metadata = object.get("metadata")?;
            let text = |key: &str| Some(metadata.get(key)?.as_str()?.to_owned());
            let (_, plural) = PLURALS.iter().find(|(known, _)| *known == kind)?;
            let key = ((*plural).to_owned(), text("namespace")?, text("name")?);
            cluster.store(key, object.clone().into_owned());
        }
        Some(cluster)
    }

    /// The objects, ordered by plural, namespace and name.
    pub fn objects(&self) -> impl Iterator<Item = &Node<'static>> {
        self.objects.iter().map(|stored| &stored.object)
    }

    /// Answers a request, and does what it asks for.
    pub fn answer(&mut self, request: &KubeRequest) -> KubeAnswer {
        let (status, body) = match self.handle(request) {
            Ok(object) => (200, to_json(&object).unwrap_or_default()),
            Err((status, reason, message)) => (status, failure(status, reason, &message)),
        };
        KubeAnswer { status, body }
    }

    fn handle(&mut self, request: &KubeRequest) -> Result<Node<'static>, Refusal> {
        let (plural, namespace, name) = address(&request.path)
            .ok_or_else(|| (404, "NotFound", "there is no such path".to_owned()))?;
        let body = match &request.body {
            Some(body) => match parse_json(body) {
                Ok(document) => Some(document.root.into_owned()),
                Err(error) => return Err((400, "BadRequest", error.to_string())),
            },
            None => None,
        };
        let Some(name) = name.or_else(|| text_at(body.as_ref(), "metadata", "name")) else {
            return self.list(&plural, namespace.as_deref(), request);
        };
        let key = (plural, namespace.unwrap_or_default(), name);
        let current = self.find(&key);
        let described = format!("{} \"{}\"", key.0, key.2);
        let body = body.unwrap_or_default();
        if request.query.iter().any(|(name, _)| *name == "dryRun") {
            return Ok(body);
        }
        match (request.method, current) {
            ("POST", Some(_)) => Err((409, "AlreadyExists", format!("{described} already exists"))),
            ("POST", None) => Ok(self.store(key, body)),
            ("PATCH", current) if request.content_type == Some("application/apply-patch+yaml") => {
                let metadata = current.and_then(|current| current.get("metadata").cloned());
                let mut object = body;
                let merged = merge(
                    metadata,
                    object.get("metadata").cloned().unwrap_or_default(),
                );
                set(&mut object, "metadata", merged.value);
                Ok(self.store(key, object))
            }
            (_, None) => Err((404, "NotFound", format!("{described} not found"))),
            ("GET", Some(current)) => Ok(current),
            ("PATCH", Some(current)) => {
                let is = text_at(Some(&current), "metadata", "resourceVersion");
                let wanted = text_at(Some(&body), "metadata", "resourceVersion");
                if wanted.is_some() && wanted != is {
                    let message = format!("{described}: the object has been modified");
                    return Err((409, "Conflict", message));
                }
                Ok(self.store(key, merge(Some(current), body)))
            }
            ("DELETE", Some(current)) => {
                for field in ["uid", "resourceVersion"] {
                    let is = text_at(Some(&current), "metadata", field);
                    let wanted = text_at(Some(&body), "preconditions", field);
                    if wanted.is_some() && wanted != is {
                        let message = format!("{described}: the {field} is another");
                        return Err((409, "Conflict", message));
                    }
                }
                self.objects.retain(|stored| stored.key != key);
                Ok(
                    parse_json(r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#)
                        .map(|document| document.root)
                        .unwrap_or_default(),
                )
            }
            _ => Err((405, "MethodNotAllowed", "this is not supported".to_owned())),
        }
    }

    fn find(&self, key: &Key) -> Option<Node<'static>> {
        let found = self.objects.binary_search_by(|stored| stored.key.cmp(key));
        let stored = self.objects.get(found.ok()?)?;
        Some(stored.object.clone())
    }

    fn store(&mut self, key: Key, mut object: Node<'static>) -> Node<'static> {
        self.version += 1;
        let mut metadata = object.get("metadata").cloned().unwrap_or_default();
        if !matches!(metadata.value, Value::Object(_)) {
            metadata.value = Value::Object(Object::default());
        }
        let text = |text: String| Value::String(Cow::Owned(text));
        if metadata.get("namespace").is_none() {
            set(&mut metadata, "namespace", text(key.1.clone()));
        }
        if self.gives_uids && metadata.get("uid").is_none() {
            set(&mut metadata, "uid", text(format!("uid-{}", self.version)));
        }
        set(
            &mut metadata,
            "resourceVersion",
            text(self.version.to_string()),
        );
        set(&mut object, "metadata", metadata.value);
        let stored = Stored {
            key,
            object: object.clone(),
        };
        match self
            .objects
            .binary_search_by(|other| other.key.cmp(&stored.key))
        {
            Ok(at) => {
                if let Some(place) = self.objects.get_mut(at) {
                    *place = stored;
                }
            }
            Err(at) => self.objects.insert(at, stored),
        }
        object
    }

    fn list(
        &self,
        plural: &str,
        namespace: Option<&str>,
        request: &KubeRequest,
    ) -> Result<Node<'static>, Refusal> {
        let parameter = |name: &str| {
            let found = request.query.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.as_str())
        };
        let number = |name: &str| parameter(name).and_then(|text| text.parse::<usize>().ok());
        let is_wanted = |stored: &&Stored| {
            let labels = stored.object.get("metadata").and_then(|m| m.get("labels"));
            stored.key.0 == plural
                && namespace.is_none_or(|namespace| stored.key.1 == namespace)
                && parameter("labelSelector").is_none_or(|selector| {
                    selector.split(',').all(|term| match term.split_once('=') {
                        Some((key, value)) => {
                            let found = labels.and_then(|labels| labels.get(key));
                            found.and_then(Node::as_str) == Some(value)
                        }
                        None => labels.is_some_and(|labels| labels.get(term).is_some()),
                    })
                })
        };
        let start = number("continue").unwrap_or(0);
        let limit = number("limit").unwrap_or(usize::MAX);
        let mut items: Vec<Node<'static>> = self
            .objects
            .iter()
            .filter(is_wanted)
            .skip(start)
            .take(limit.saturating_add(1))
            .map(|stored| stored.object.clone())
            .collect();
        let mut metadata = Node {
            value: Value::Object(Object::default()),
            ..Node::default()
        };
        let version = Value::String(self.version.to_string().into());
        set(&mut metadata, "resourceVersion", version);
        if items.len() > limit {
            items.truncate(limit);
            let next = Value::String((start + limit).to_string().into());
            set(&mut metadata, "continue", next);
        }
        let mut list = Node {
            value: Value::Object(Object::default()),
            ..Node::default()
        };
        set(&mut list, "items", Value::Array(items));
        set(&mut list, "metadata", metadata.value);
        Ok(list)
    }
}

/// Plural, namespace and name of a path.
pub(super) fn address(path: &str) -> Option<(String, Option<String>, Option<String>)> {
    let mut parts = path.strip_prefix('/')?.split('/').map(decoded);
    // `/api/v1/…` or `/apis/GROUP/VERSION/…`
    let skipped = if parts.next()? == "api" { 0 } else { 1 };
    let mut parts = parts.skip(skipped + 1);
    let mut plural = parts.next()?;
    let mut namespace = None;
    if plural == "namespaces" {
        namespace = Some(parts.next()?);
        plural = parts.next()?;
    }
    Some((plural, namespace, parts.next()))
}

fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        if byte == b'%' {
            let (high, low) = (hex(rest.next()), hex(rest.next()));
            let code = high.unwrap_or(0) * 16 + low.unwrap_or(0);
            bytes.push(u8::try_from(code).unwrap_or(0));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_at(node: Option<&Node<'_>>, outer: &str, inner: &str) -> Option<String> {
    Some(node?.get(outer)?.get(inner)?.as_str()?.to_owned())
}

fn set(node: &mut Node<'static>, key: &'static str, value: Value<'static>) {
    let Value::Object(object) = &mut node.value else {
        return;
    };
    let value = Node {
        value,
        ..Node::default()
    };
    match object.members.iter_mut().find(|member| member.key == key) {
        Some(member) => member.value = value,
        None => object.members.push(Member {
            key: Cow::Borrowed(key),
            at: node.at,
            value,
        }),
    }
}

/// RFC 7386. The reader has bounded the depth.
fn merge(target: Option<Node<'static>>, patch: Node<'static>) -> Node<'static> {
    let at = patch.at;
    let Value::Object(patch) = patch.value else {
        return patch;
    };
    let mut result = match target.map(|target| target.value) {
        Some(Value::Object(object)) => object,
        _ => Object::default(),
    };
    for member in patch.members {
        let place = result.members.iter().position(|old| old.key == member.key);
        if member.value.is_null() {
            if let Some(place) = place {
                result.members.remove(place);
            }
            continue;
        }
        match place.and_then(|place| result.members.get_mut(place)) {
            Some(old) => old.value = merge(Some(std::mem::take(&mut old.value)), member.value),
            None => result.members.push(Member {
                value: merge(None, member.value),
                ..member
            }),
        }
    }
    Node {
        at,
        value: Value::Object(result),
    }
}

fn failure(status: u16, reason: &str, message: &str) -> String {
    let message = to_json(message).unwrap_or_default();
    format!(
        "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\",\
         \"message\":{message},\"reason\":\"{reason}\",\"code\":{status}}}"
    )
}
