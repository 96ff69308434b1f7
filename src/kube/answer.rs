//! What an answer of the API server means.

use super::{KubeResponse, NoAnswer, code};
use crate::diagnostic::Diagnostic;
use crate::text::{Document, Node, parse_json};

/// Of a message that somebody else wrote, no more than this is repeated.
const MAX_MESSAGE: usize = 600;

/// Why a request did not get what it asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    /// The status; `None` where no answer came that could be understood.
    pub(super) status: Option<u16>,
    code: &'static str,
    /// The request cannot have had an effect.
    is_unsent: bool,
    /// What the other side says, on one line.
    message: String,
    help: Option<&'static str>,
}

impl Problem {
    /// It is about this object alone: requests for others may go on.
    pub(super) fn is_of_object(&self) -> bool {
        matches!(
            self.status,
            Some(400 | 403 | 404 | 405 | 409 | 410 | 413 | 415 | 422)
        )
    }

    /// The request never left.
    pub(super) fn is_unsent(&self) -> bool {
        self.is_unsent
    }

    /// The request may have taken effect all the same.
    pub(super) fn may_have_worked(&self) -> bool {
        match self.status {
            Some(status) => status >= 500,
            None => !self.is_unsent,
        }
    }

    /// What to tell, where `doing` is for example "apply AuthorizationPolicy `m/x`".
    pub(super) fn diagnostic(&self, doing: &str) -> Diagnostic {
        let mut message = format!("cannot {doing}: {}", self.message);
        if let Some(status) = self.status {
            message.push_str(" (status ");
            message.push_str(&status.to_string());
            message.push(')');
        }
        let diagnostic = Diagnostic::error(self.code, message);
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// The object that a request was answered with.
pub(super) fn accepted(response: &KubeResponse) -> Result<Document<'_>, Problem> {
    let answer = match &response.answer {
        Ok(answer) => answer,
        Err(reason) => {
            let mut message = match reason {
                NoAnswer::Timeout => "no answer came in time".to_owned(),
                NoAnswer::Connection => "the connection failed".to_owned(),
                NoAnswer::NotSent => "it was not sent".to_owned(),
            };
            if !response.message.is_empty() {
                message.push_str(": ");
                message.push_str(&one_line(&response.message));
            }
            return Err(Problem {
                status: None,
                code: code::UNREACHABLE,
                is_unsent: *reason == NoAnswer::NotSent,
                message,
                help: Some("check the address of the API server and the way to it, and run again"),
            });
        }
    };
    let document = parse_json(&answer.body)
        .ok()
        .filter(|document| document.root.as_object().is_some());
    if (200..300).contains(&answer.status) {
        return document.ok_or_else(|| unreadable("what came back is no JSON object"));
    }
    let root = document.as_ref().map(|document| &document.root);
    Err(refusal(answer.status, root))
}

pub(super) fn unreadable(message: &str) -> Problem {
    Problem {
        is_unsent: false,
        status: None,
        code: code::UNREADABLE,
        message: message.to_owned(),
        help: Some("check that the address is that of an API server"),
    }
}

/// The object of that name that a request was answered with. What says something else comes from
/// somewhere else, and proves nothing.
pub(super) fn accepted_object<'r>(
    response: &'r KubeResponse,
    name: &str,
) -> Result<Document<'r>, Problem> {
    let document = accepted(response)?;
    let metadata = document.root.get("metadata");
    let is_it = metadata
        .and_then(|metadata| metadata.get("name"))
        .and_then(Node::as_str)
        == Some(name);
    // A deletion is answered by the object, or by a status.
    let is_status = document.root.get("kind").and_then(Node::as_str) == Some("Status");
    if is_it || is_status {
        Ok(document)
    } else {
        Err(unreadable("what came back is another object"))
    }
}

fn refusal(status: u16, root: Option<&Node<'_>>) -> Problem {
    let said = root
        .and_then(|root| root.get("message"))
        .and_then(Node::as_str)
        .map(one_line)
        .unwrap_or_default();
    let (code, help) = match status {
        401 => (
            code::FORBIDDEN,
            Some("log in again: the credentials are not accepted"),
        ),
        // A webhook's own refusals come as 400 or 403.
        403 if !said.contains("admission webhook") => (
            code::FORBIDDEN,
            Some("give the account the right by a Role or ClusterRole"),
        ),
        404 => (code::NOT_FOUND, None),
        409 => (
            code::CONFLICT,
            Some(
                "look at what the other writer wants; what nobody else changes goes through in the next run",
            ),
        ),
        408 | 429 | 500.. => (
            code::UNAVAILABLE,
            Some("run again later; nothing that was done is undone"),
        ),
        _ => (code::REFUSED, None),
    };
    let conflicts = root.map(conflicts).unwrap_or_default();
    let message = if status == 409 && !conflicts.is_empty() {
        conflicts
    } else if !said.is_empty() {
        said
    } else {
        "the API server gives no reason".to_owned()
    };
    Problem {
        is_unsent: false,
        status: Some(status),
        code,
        message,
        help,
    }
}

/// Who manages which field, from the causes of a conflict.
fn conflicts(root: &Node<'_>) -> String {
    let causes = root
        .get("details")
        .and_then(|details| details.get("causes"))
        .and_then(Node::as_array)
        .unwrap_or_default();
    let mut told = String::new();
    for cause in causes {
        let text = |key: &str| cause.get(key).and_then(Node::as_str).unwrap_or_default();
        if text("reason") != "FieldManagerConflict" {
            continue;
        }
        // `conflict with "kubectl-edit" using security.istio.io/v1`
        let message = text("message");
        let manager = message.split('"').nth(1).unwrap_or(message);
        if told.len() > MAX_MESSAGE {
            told.push_str(", …");
            break;
        }
        if !told.is_empty() {
            told.push_str(", ");
        }
        told.push_str(&format!(
            "`{}` is managed by `{}`",
            one_line(text("field")),
            one_line(manager)
        ));
    }
    told
}

/// Text from elsewhere, without what moves a terminal's cursor, and cut.
pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(MAX_MESSAGE)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(MAX_MESSAGE).is_some() {
        line.push('…');
    }
    line
}
