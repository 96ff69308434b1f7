//! Reasons for a change of answers that are no policies: settings, and applications that join or leave
//! the mesh.

use crate::analysis::decide::Analysis;
use crate::analysis::request::Target;
use crate::analysis::symbolic::describe::{Access, client_name};
use crate::analysis::symbolic::solve::Side;
use crate::mesh::{DataPlane, PathNormalization, Settings, Workload};

/// What else than policies is not the same on both sides.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    /// Settings, each as text.
    settings: Vec<String>,
    /// Identities that clients have on one side only, in ascending order, and whether it is the new
    /// one.
    clients: Vec<(String, bool)>,
    /// Pods and Services whose pods enforce on one side only: is it a pod, namespace, name, whether
    /// it is on the new side that they enforce.
    targets: Vec<(bool, String, String, bool)>,
}

impl Reasons {
    /// Looks for them; and tells each side which of the other's clients come to it as if from
    /// outside.
    pub(super) fn of_change(old: &mut Side<'_>, new: &mut Side<'_>) -> Reasons {
        let mut reasons = Reasons {
            settings: settings(&old.analysis.mesh.settings, &new.analysis.mesh.settings),
            ..Reasons::default()
        };
        reasons.moved_clients(old, new);
        reasons.moved_pods(old.analysis, new.analysis);
        reasons
    }

    /// A client that is known inside the mesh on one side, and outside on the other, is a client of both.
    /// One that is known outside alone says nothing about policies.
    fn moved_clients(&mut self, old: &mut Side<'_>, new: &mut Side<'_>) {
        let left = moved(&old.clients.known, &new.clients.absent);
        let come = moved(&new.clients.known, &old.clients.absent);
        let mut absent = std::mem::take(&mut old.clients.absent);
        absent.append(&mut new.clients.absent);
        absent.retain(|one| left.binary_search(one).is_err() && come.binary_search(one).is_err());
        crate::order::sort(&mut absent);
        absent.dedup();
        old.clients.absent = absent;
        for (list, joins) in [(&left, false), (&come, true)] {
            let all = list.iter().map(|identity| (identity.clone(), joins));
            self.clients.extend(all);
        }
        crate::order::sort(&mut self.clients);
        new.clients.gone = left;
        old.clients.gone = come;
    }

    fn moved_pods(&mut self, old: &Analysis, new: &Analysis) {
        let joins = |one: &Workload| {
            let before = old.points.workload(&old.mesh, &one.namespace, &one.name)?;
            let before = old.mesh.workloads.get(before)?;
            let is_in = |one: &Workload| one.data_plane != Some(DataPlane::None);
            (is_in(before) != is_in(one)).then(|| is_in(one))
        };
        let moved: Vec<Option<bool>> = new.mesh.workloads.iter().map(joins).collect();
        if moved.iter().all(Option::is_none) {
            return;
        }
        for (one, joins) in new.mesh.workloads.iter().zip(&moved) {
            if let Some(joins) = joins {
                let (space, name) = (one.namespace.clone(), one.name.clone());
                self.targets.push((true, space, name, *joins));
            }
        }
        for (backends, service) in new.points.backends.iter().zip(&new.mesh.services) {
            for joins in backends.iter().filter_map(|at| *moved.get(*at as usize)?) {
                let (space, name) = (service.namespace.clone(), service.name.clone());
                self.targets.push((false, space, name, joins));
            }
        }
        crate::order::sort(&mut self.targets);
        self.targets.dedup();
    }

    /// Those that concern requests to a target. Settings are named where no policy differs.
    pub(super) fn of(&self, target: &Target, access: &Access, alone: bool) -> Vec<String> {
        let verb = |joins: bool| if joins { "joins" } else { "leaves" };
        let mut found = Vec::new();
        let inside = access.clients.as_ref().and_then(|who| who.inside.as_ref());
        for client in inside.map_or(&[] as &[String], |texts| &texts.any) {
            let at = self.clients.binary_search_by(|(one, _)| one.cmp(client));
            if let Some((_, joins)) = at.ok().and_then(|at| self.clients.get(at)) {
                found.push(format!("{} {} the mesh", client_name(client), verb(*joins)));
            }
        }
        let (is_pod, namespace, name) = match target {
            Target::Service { namespace, name } => (false, namespace, name),
            Target::Pod { namespace, name } => (true, namespace, name),
        };
        let key = |one: &(bool, String, String, bool)| {
            (one.0, &one.1, &one.2) < (is_pod, namespace, name)
        };
        let all = self.targets.iter().skip(self.targets.partition_point(key));
        for (.., joins) in all.take_while(|(a, b, c, _)| (*a, b, c) == (is_pod, namespace, name)) {
            found.push(if is_pod {
                format!("{namespace}/{name} {} the mesh", verb(*joins))
            } else if *joins {
                format!("pods of {namespace}/{name} join the mesh")
            } else {
                format!("pods of {namespace}/{name} leave the mesh")
            });
        }
        if alone && found.is_empty() {
            found.extend_from_slice(&self.settings);
            if found.is_empty() {
                found.push("its Service, its pods or its waypoint change".to_owned());
            }
        }
        found
    }
}

/// Those that are known on one side and outside on the other, in ascending order.
fn moved(known: &[String], absent: &[String]) -> Vec<String> {
    let outside = known.iter().filter(|one| absent.binary_search(one).is_ok());
    let mut found: Vec<String> = outside.cloned().collect();
    crate::order::sort(&mut found);
    found.dedup();
    found
}

/// The settings that are not the same.
fn settings(old: &Settings, new: &Settings) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |name: &str, before: &str, after: &str| {
        if before != after {
            found.push(format!(
                "the setting {name} changes from {before} to {after}"
            ));
        }
    };
    let on = |on: bool| if on { "true" } else { "false" };
    let plane = |plane: Option<DataPlane>| match plane {
        None => "not given",
        Some(DataPlane::Ambient) => "ambient",
        Some(DataPlane::Sidecar) => "sidecar",
        Some(DataPlane::None) => "none",
    };
    add("rootNamespace", &old.root_namespace, &new.root_namespace);
    add("trustDomain", &old.trust_domain, &new.trust_domain);
    let aliases = |settings: &Settings| format!("[{}]", settings.trust_domain_aliases.join(", "));
    add("trustDomainAliases", &aliases(old), &aliases(new));
    let (a, b) = (on(old.auto_allow_waypoint), on(new.auto_allow_waypoint));
    add("autoAllowWaypoint", a, b);
    add("hardenedMode", on(old.hardened_mode), on(new.hardened_mode));
    let (a, b) = (old.path_normalization, new.path_normalization);
    add("pathNormalization", path_mode(a), path_mode(b));
    add("dataPlane", plane(old.data_plane), plane(new.data_plane));
    found
}

/// As MeshConfig writes it.
pub(super) fn path_mode(mode: PathNormalization) -> &'static str {
    match mode {
        PathNormalization::None => "NONE",
        PathNormalization::Base => "BASE",
        PathNormalization::MergeSlashes => "MERGE_SLASHES",
        PathNormalization::DecodeAndMergeSlashes => "DECODE_AND_MERGE_SLASHES",
    }
}
