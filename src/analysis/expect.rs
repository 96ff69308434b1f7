//! Whether a mesh does what is expected of it, for whole sets of requests.

use super::decide::{Analysis, Via};
use super::diff::{Json, target_text};
use super::expectation::{Expectation, To, Who};
use super::points::Origin;
use super::request::{Request, Target};
use super::rules::Effect;
use super::symbolic::describe::Access;
use super::symbolic::glob::Glob;
use super::symbolic::intervals;
use super::symbolic::lower::{all, any};
use super::symbolic::region::Region;
use super::symbolic::routes::{Cell, Ports, Target as Place};
use super::symbolic::solve::{Gap, Side, TargetForm, all_present, matched, points, space};
use super::symbolic::space::{Condition, Field, Space, Values};
use super::symbolic::witness::{self, RequestJson, ToJson};
use crate::diagnostic::clip;
use crate::order::sort_numbers;
use crate::text::to_json;
use serde::Serialize;

/// No more descriptions than this are made of what speaks against an expectation, for each way.
const MAX_PARTS: usize = 8;

/// How a list of expectations fared.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How many hold.
    pub passed: usize,
    /// How many do not.
    pub failed: usize,
    /// Each, in order.
    pub results: Vec<Outcome>,
    /// Policies that no expectation touches: none asks about a request that they match.
    pub untouched: Vec<String>,
}

/// How an expectation fared.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What it is called.
    pub name: String,
    /// The file that it is from.
    pub file: String,
    /// The line on which it stands.
    pub line: u32,
    /// `allow` or `deny`.
    pub expect: &'static str,
    /// The target.
    pub to: ToJson,
    /// Whether it holds.
    pub pass: bool,
    /// One sentence that says why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Which requests speak against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<Against>,
    /// One of them, as `explain` reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Json>,
    /// What happens to that request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// Requests that speak against an expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Against {
    /// How they come to the target: `waypoint`, `service` or `pod`; none, where the Service has no such
    /// port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<&'static str>,
    /// Which.
    #[serde(flatten)]
    pub access: Access,
    /// The same in words.
    pub text: String,
    /// Policies that match some of them: those that allow where they shall be denied, those that deny
    /// where they shall be allowed. None, where no policy is attached or none matches.
    pub policies: Vec<String>,
}

/// Checks expectations, one by one.
pub fn check(analysis: &Analysis, expectations: &[Expectation]) -> Report {
    let mut checker = Checker {
        side: Side::new(analysis),
        last: None,
        touched: vec![false; analysis.points.held.len()],
    };
    let mut report = Report::default();
    for one in expectations {
        let outcome = checker.check(one);
        if outcome.pass {
            report.passed += 1;
        } else {
            report.failed += 1;
        }
        report.results.push(outcome);
    }
    for (held, touched) in analysis.points.held.iter().zip(&checker.touched) {
        let Origin::Written(at) = held.origin else {
            continue;
        };
        let refused = analysis
            .points
            .refused
            .get(at)
            .is_some_and(|why| !why.is_empty());
        if !touched && !refused {
            report.untouched.push(held.id.clone());
        }
    }
    report
}

impl Report {
    /// As JSON text.
    pub fn json(&self) -> String {
        to_json(self).unwrap_or_default()
    }
}

struct Checker<'a> {
    side: Side<'a>,
    /// The target that was asked about last, and the ways to it.
    last: Option<(Place, Vec<Cell<'a>>)>,
    touched: Vec<bool>,
}

/// What speaks against an expectation.
struct Finding {
    request: Request,
    against: Vec<Against>,
    /// The answer is not known, rather than the wrong one.
    unknown: bool,
}

impl Checker<'_> {
    fn check(&mut self, one: &Expectation) -> Outcome {
        let target = match &one.to {
            To::Service(namespace, name) => Target::Service {
                namespace: namespace.clone(),
                name: name.clone(),
            },
            To::Pod(namespace, name) => Target::Pod {
                namespace: namespace.clone(),
                name: name.clone(),
            },
        };
        let mut outcome = Outcome {
            name: one.name.clone(),
            file: one.file.clone(),
            line: one.at.line,
            expect: if one.allow { "allow" } else { "deny" },
            to: ToJson::from(&target),
            pass: true,
            why: None,
            against: Vec::new(),
            witness: None,
            trace: None,
        };
        let text = target_text(&target);
        match self.find(one, &target) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(found))) => {
                let answer = match (found.unknown, one.allow) {
                    (true, _) => "depends on what the input does not say",
                    (false, true) => "is denied",
                    (false, false) => "is allowed",
                };
                let wanted = if one.allow { "allowed" } else { "denied" };
                outcome.why = Some(format!(
                    "every such request to {text} shall be {wanted}, and this one {answer}"
                ));
                outcome.trace = Some(self.side.analysis.explain(&found.request));
                outcome.against = found.against;
                outcome.witness = Some(Json(RequestJson::from(&found.request)));
            }
            Ok(Err(why)) => outcome.why = Some(why),
            Err(gap) => {
                self.side.note(&gap);
                outcome.why = Some(format!(
                    "the expectation about {text} cannot be checked: {}; narrow it with a port, a \
                     method or a path",
                    gap.message()
                ));
            }
        }
        outcome.pass = outcome.why.is_none();
        outcome
    }

    /// A request that speaks against the expectation. The inner error says why there is nothing to
    /// ask about.
    fn find(
        &mut self,
        one: &Expectation,
        target: &Target,
    ) -> Result<Result<Option<Finding>, String>, Gap> {
        let analysis = self.side.analysis;
        let place = match target {
            Target::Service { namespace, name } => {
                analysis.points.service(namespace, name).map(Place::Service)
            }
            Target::Pod { namespace, name } => analysis
                .points
                .workload(&analysis.mesh, namespace, name)
                .map(Place::Workload),
        };
        let Some(place) = place else {
            return Ok(Err(format!(
                "the input describes no {}: check the name, or give its manifest",
                target_text(target)
            )));
        };
        // Expectations about one target mostly stand together.
        let all = match self.last.take() {
            Some((target, cells)) if target == place => cells,
            _ => self.side.cells(place),
        };
        let is_listed = |cell: &Cell<'_>| matches!(cell.ports, Ports::Only(_));
        let all_listed = !all.is_empty() && all.iter().all(is_listed);
        // What comes to other ports is no matter: a Service may have thousands.
        let mut form = match one.port {
            None => self.side.form(&all),
            Some(port) => {
                let meant = all.iter().filter(|cell| match cell.ports {
                    Ports::Only(own) => own == port,
                    Ports::AllBut(_) => true,
                });
                self.side.form(&meant.cloned().collect::<Vec<_>>())
            }
        };
        self.last = Some((place, all));
        // A port that a Service has not is one that can be asked about: it is denied.
        if let Some(port) = one.port.map(intervals::port)
            && all_listed
            && !form.ports.contains(&port)
        {
            form.ports.push(port);
        }
        let asked = self.asked(one);
        let (Target::Service { namespace, name } | Target::Pod { namespace, name }) = target;
        let host = format!("{name}.{namespace}");
        let mut solved = space(&self.side, &[&form], &[&asked], &[&host])?;
        let set = solved.holds(&asked)?.surely;
        if set.is_none() {
            let clients = solved.holds(&self.clients(one))?.surely;
            return Ok(Err(match &one.path {
                Some(path) if !clients.is_none() => format!(
                    "no request is meant: policies see no path `{}`, only what normalisation makes of it",
                    clip(path)
                ),
                _ => "no request is meant: the clients of `except` are all of `from`".to_owned(),
            }));
        }
        self.touch(&form, &mut solved, set)?;
        let verdict = form.verdict(&mut solved, &all_present)?;
        let (right, wrong) = if one.allow {
            (verdict.allowed, verdict.denied)
        } else {
            (verdict.denied, verdict.allowed)
        };
        let against = solved.regions.minus(set, right)?;
        let surely = solved.regions.and(against, wrong)?;
        let region = if surely.is_none() { against } else { surely };
        let Some(example) = solved.example(region) else {
            return Ok(Ok(None));
        };
        let (effect, verb) = match (one.allow, surely.is_none()) {
            (true, false) => (Effect::Deny, "may not"),
            (false, false) => (Effect::Allow, "may"),
            (true, true) => (Effect::Deny, "perhaps may not"),
            (false, true) => (Effect::Allow, "perhaps may"),
        };
        let trust_domain = &analysis.mesh.settings.trust_domain;
        Ok(Ok(Some(Finding {
            request: witness::request(trust_domain, target, &example),
            against: self.against(&form, &mut solved, region, (effect, verb))?,
            unknown: surely.is_none(),
        })))
    }

    /// Describes requests, way by way, with the policies of an effect that match them.
    fn against(
        &self,
        form: &TargetForm,
        solved: &mut Space,
        region: Region,
        (effect, verb): (Effect, &str),
    ) -> Result<Vec<Against>, Gap> {
        let mut names: Vec<&str> = Vec::new();
        let mut regions: Vec<Region> = Vec::new();
        for point in points(form) {
            for (policy, number) in point.policies.iter().zip(&point.held) {
                let name = self.side.held(*number).map_or("", |held| held.id.as_str());
                if policy.effect == effect && !names.contains(&name) {
                    names.push(name);
                    regions.push(matched(form, solved, *number)?);
                }
            }
        }
        let mut found = Vec::new();
        let mut left = region;
        for via in [
            Some(Via::Waypoint),
            Some(Via::Service),
            Some(Via::Pod),
            None,
        ] {
            let mut here = left;
            if let Some(via) = via {
                let mut guards = Vec::new();
                for cell in form.cells.iter().filter(|cell| cell.via == via) {
                    guards.push(solved.holds(&cell.guard)?.surely);
                }
                let guard = solved.regions.any(&guards)?;
                here = solved.regions.and(left, guard)?;
                left = solved.regions.minus(left, guard)?;
            }
            for (cube, access) in solved.describe(here, MAX_PARTS).0 {
                let meeting = solved.regions.meeting(&cube, &regions)?;
                let named = names.iter().zip(meeting).filter(|(_, meets)| *meets);
                let policies = named.map(|(name, _)| (*name).to_owned()).collect();
                found.push(Against {
                    via: via.map(Via::name),
                    text: format!("{} {verb} {}", access.clients_text(), access.request_text()),
                    access,
                    policies,
                });
            }
        }
        Ok(found)
    }

    /// Notes the policies that match some of the requests, and those that match nothing at all.
    fn touch(&mut self, form: &TargetForm, solved: &mut Space, set: Region) -> Result<(), Gap> {
        let mut numbers: Vec<u32> = points(form).flat_map(|point| point.held.clone()).collect();
        sort_numbers(&mut numbers);
        numbers.dedup();
        for number in numbers {
            let Some(flag) = self.touched.get_mut(number as usize).filter(|flag| !**flag) else {
                continue;
            };
            let region = matched(form, solved, number)?;
            *flag = region.is_none() || !solved.regions.and(region, set)?.is_none();
        }
        Ok(())
    }

    /// The clients that an expectation is about.
    fn clients(&self, one: &Expectation) -> Condition {
        let clients = |list: &[Who]| any(list.iter().map(|who| self.who(who)).collect());
        all(vec![clients(&one.from), clients(&one.except).negate()])
    }

    /// The requests that an expectation is about.
    fn asked(&self, one: &Expectation) -> Condition {
        let mut parts = vec![self.clients(one)];
        if let Some(port) = one.port {
            parts.push(Condition::Is(
                Field::Port,
                Values::Range(intervals::port(port)),
            ));
        }
        if let Some(method) = &one.method {
            parts.push(Condition::Is(
                Field::Method,
                Values::Glob(Glob::exact(method)),
            ));
        }
        if let Some(path) = &one.path {
            let glob = match path.strip_suffix('*') {
                Some(start) => Glob::prefix(start),
                None => Glob::exact(path),
            };
            parts.push(Condition::Is(Field::Path, Values::Glob(glob)));
        }
        all(parts)
    }

    fn who(&self, who: &Who) -> Condition {
        let domain = &self.side.analysis.mesh.settings.trust_domain;
        match who {
            Who::Any => Condition::Always,
            Who::Outside => self.side.clients.outside(),
            Who::Inside => self.side.clients.outside().negate(),
            Who::Account { namespace, name } => {
                let start = format!("{domain}/ns/{namespace}/sa/");
                let glob = match name {
                    Some(name) => Glob::exact(&format!("{start}{name}")),
                    None => Glob::prefix(&start),
                };
                // A workload that is known to be outside the mesh has no identity.
                let absent = glob.as_exact().is_some_and(|identity| {
                    self.side.clients.absent.binary_search(&identity).is_ok()
                });
                if absent {
                    return self.side.clients.outside();
                }
                Condition::Is(Field::Client, Values::Glob(glob))
            }
        }
    }
}
