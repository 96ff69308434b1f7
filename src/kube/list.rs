//! Reading a list in pages.

use super::answer::{Problem, accepted, unreadable};
use super::{KubeRequest, KubeResponse, code};
use crate::diagnostic::Diagnostic;
use crate::text::{Document, Node};

/// A list that changes faster than it can be read is given up after as many restarts.
const MAX_RESTARTS: u32 = 4;

/// A list that goes on for more pages than this does not end: 5,000,000 objects at 500 a page.
const MAX_PAGES: u32 = 10_000;

/// A list that is being read.
#[derive(Debug)]
pub(super) struct Listing {
    /// What is listed, for messages.
    pub(super) kind: &'static str,
    path: String,
    selector: Option<String>,
    page_size: String,
    next: Option<String>,
    restarts: u32,
    pages: u32,
}

/// What a page was.
pub(super) enum Page<'r> {
    /// Objects; more follow unless it is the last page.
    Objects(Document<'r>, bool),
    /// The list has expired and is read again from its beginning: forget what came before.
    Restarted,
}

/// Why a list cannot be read.
pub(super) enum ListError {
    /// The answer.
    Problem(Problem),
    /// It expired again and again.
    Expired,
    /// More pages always follow, after so many that were read.
    Endless(u32),
}

impl Listing {
    pub(super) fn new(
        kind: &'static str,
        path: String,
        selector: Option<String>,
        page_size: String,
    ) -> Self {
        Listing {
            kind,
            path,
            selector,
            page_size,
            next: None,
            restarts: 0,
            pages: 0,
        }
    }

    /// The request for the next page.
    pub(super) fn request(&self, id: u32) -> KubeRequest {
        let mut query = Vec::new();
        if let Some(selector) = &self.selector {
            query.push(("labelSelector", selector.clone()));
        }
        query.push(("limit", self.page_size.clone()));
        if let Some(next) = &self.next {
            query.push(("continue", next.clone()));
        }
        KubeRequest {
            id,
            method: "GET",
            path: self.path.clone(),
            query,
            content_type: None,
            body: None,
            why: format!("to see which objects of kind {} there are", self.kind),
            retry_safe: true,
        }
    }

    /// Takes a page.
    pub(super) fn take<'r>(&mut self, response: &'r KubeResponse) -> Result<Page<'r>, ListError> {
        let document = match accepted(response) {
            Ok(document) => document,
            // "410 Gone": the list that the token continues is not kept any longer. The API concepts
            // of Kubernetes say to start again without it.
            Err(problem) if problem.status == Some(410) => {
                if self.restarts == MAX_RESTARTS {
                    return Err(ListError::Expired);
                }
                self.restarts += 1;
                self.next = None;
                return Ok(Page::Restarted);
            }
            Err(problem) => return Err(ListError::Problem(problem)),
        };
        let token = document
            .root
            .get("metadata")
            .and_then(|metadata| metadata.get("continue"))
            .filter(|node| !node.is_null());
        let next = match token.map(|node| node.as_str()) {
            Some(None) => {
                let problem = unreadable("the token of the next page is no text");
                return Err(ListError::Problem(problem));
            }
            Some(Some("")) | None => None,
            Some(Some(token)) => Some(token.to_owned()),
        };
        self.pages += 1;
        // After its own token comes the same page again, of which there was nothing to take.
        let is_empty = items(&document).is_none_or(<[_]>::is_empty);
        let repeats = next.is_some() && next == self.next && is_empty;
        if repeats || (next.is_some() && self.pages >= MAX_PAGES) {
            return Err(ListError::Endless(self.pages));
        }
        let is_last = next.is_none();
        self.next = next;
        Ok(Page::Objects(document, is_last))
    }
}

impl ListError {
    /// The API server does not know what is listed.
    pub(super) fn is_missing_kind(&self) -> bool {
        matches!(self, ListError::Problem(problem) if problem.status == Some(404))
    }

    /// Nobody here may list it.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, ListError::Problem(problem) if problem.status == Some(403))
    }

    pub(super) fn diagnostic(&self, kind: &str) -> Diagnostic {
        match self {
            ListError::Problem(problem) => problem.diagnostic(&format!("list {kind}")),
            ListError::Expired => Diagnostic::error(
                code::EXPIRED,
                format!("the list of {kind} expired {MAX_RESTARTS} times before it was read"),
            )
            .help("run again when the API server is less busy, or with larger pages"),
            ListError::Endless(pages) => Diagnostic::error(
                code::ENDLESS,
                format!("the list of {kind} did not end after {pages} pages"),
            )
            .help("read larger pages; a server that never ends a list, or a proxy before it, is at fault"),
        }
    }
}

/// The objects of a page; `None` where it is no list.
pub(super) fn items<'d, 'a>(document: &'d Document<'a>) -> Option<&'d [Node<'a>]> {
    let items = document.root.get("items")?;
    // Go writes an empty list as `null`.
    if items.is_null() {
        return Some(&[]);
    }
    items.as_array()
}
