//! Look-ups by name, so that a decision does not go through what concerns other targets.

use crate::mesh::Mesh;
use std::cmp::Ordering;

/// Lists of places by a key of up to three parts, sorted.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<(String, u32)>,
}

#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) services: Table,
    pub(super) workloads: Table,
    pub(super) accounts: Table,
    /// Workloads by namespace and each of their labels.
    pub(super) labelled: Table,
    /// Namespaces that the input describes.
    pub(super) spaces: Table,
    pub(super) gateways: Table,
    /// Policies for all pods of a namespace.
    pub(super) wide: Table,
    /// Policies by namespace and the first label of their selector.
    pub(super) selected: Table,
    /// Policies by namespace, kind and name of their targets.
    pub(super) targeted: Table,
    /// Policies with a selector, by namespace.
    pub(super) by_selector: Table,
}

const SEPARATOR: &str = "\0";

fn key(parts: &[&str]) -> String {
    parts.join(SEPARATOR)
}

impl Table {
    #[inline(never)]
    pub(super) fn add(&mut self, parts: &[&str], at: usize) {
        if let Ok(at) = u32::try_from(at) {
            self.rows.push((key(parts), at));
        }
    }

    #[inline(never)]
    pub(super) fn sort(&mut self) {
        crate::order::sort(&mut self.rows);
        self.rows.dedup();
    }

    pub(super) fn find<'t>(&'t self, parts: &[&str]) -> impl Iterator<Item = usize> + use<'t> {
        let (from, count) = self.range(parts);
        let found = self.rows.get(from..from + count).unwrap_or_default();
        found.iter().map(|(_, at)| *at as usize)
    }

    // One copy serves all look-ups.
    #[inline(never)]
    fn range(&self, parts: &[&str]) -> (usize, usize) {
        // Compared part by part, so that a look-up allocates nothing.
        let compare = |row: &str| {
            let mut rest = row.as_bytes();
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    match rest.split_first() {
                        Some((0, after)) => rest = after,
                        Some(_) => return Ordering::Greater,
                        None => return Ordering::Less,
                    }
                }
                let part = part.as_bytes();
                let (head, after) = rest.split_at(part.len().min(rest.len()));
                match head.cmp(part) {
                    Ordering::Equal => rest = after,
                    other => return other,
                }
            }
            if rest.is_empty() {
                Ordering::Equal
            } else {
                Ordering::Greater
            }
        };
        let from = self.rows.partition_point(|(row, _)| compare(row).is_lt());
        // Mostly few; where there are many, mostly the first is all that is wanted.
        let rest = self.rows.get(from..).unwrap_or_default();
        let is_it = |(row, _): &(String, u32)| compare(row).is_eq();
        let mut bound = 1;
        while rest.get(bound - 1).is_some_and(is_it) {
            bound *= 2;
        }
        let rest = rest.get(..bound).unwrap_or(rest);
        (from, rest.partition_point(is_it))
    }
}

impl Index {
    /// Looks through a mesh once. `is_refused` says of a policy's place that it is attached nowhere.
    pub(super) fn new(mesh: &Mesh, is_refused: impl Fn(usize) -> bool) -> Index {
        let mut index = Index::default();
        for (at, service) in mesh.services.iter().enumerate() {
            index.services.add(&[&service.namespace, &service.name], at);
        }
        for (at, workload) in mesh.workloads.iter().enumerate() {
            let namespace = workload.namespace.as_str();
            index.workloads.add(&[namespace, &workload.name], at);
            index
                .accounts
                .add(&[namespace, &workload.service_account], at);
            for (key, value) in &workload.labels {
                index.labelled.add(&[namespace, key, value], at);
            }
        }
        for (at, namespace) in mesh.namespaces.iter().enumerate() {
            index.spaces.add(&[&namespace.name], at);
        }
        for (at, gateway) in mesh.gateways.iter().enumerate() {
            index.gateways.add(&[&gateway.namespace, &gateway.name], at);
        }
        for (at, policy) in mesh.policies.iter().enumerate() {
            if is_refused(at) {
                continue;
            }
            let namespace = policy.namespace.as_str();
            for target in policy.targets() {
                // Group `core` is the empty one.
                let group = if target.group == "core" {
                    ""
                } else {
                    &target.group
                };
                let kind = match (group, target.kind.as_str()) {
                    ("", "Service") => "Service",
                    ("networking.istio.io", "ServiceEntry") => "ServiceEntry",
                    ("gateway.networking.k8s.io", "Gateway") => "Gateway",
                    ("gateway.networking.k8s.io", "GatewayClass") => "GatewayClass",
                    _ => continue,
                };
                index.targeted.add(&[namespace, kind, &target.name], at);
                if kind == "Gateway" {
                    index.targeted.add(&[namespace, kind], at);
                }
            }
            if !policy.targets().is_empty() {
                continue;
            }
            match policy.selector.as_deref() {
                None => index.wide.add(&[namespace], at),
                // `selector: {}` attaches to nothing in ambient, to the whole namespace for sidecars;
                // `selector: {matchLabels: {}}` to the whole namespace for both.
                Some([]) if policy.empty_match_labels => index.wide.add(&[namespace], at),
                Some([]) => index.selected.add(&[namespace, "", ""], at),
                Some([(key, value), ..]) => {
                    index.selected.add(&[namespace, key, value], at);
                    index.by_selector.add(&[namespace], at);
                }
            }
        }
        for table in [
            &mut index.services,
            &mut index.workloads,
            &mut index.accounts,
            &mut index.labelled,
            &mut index.spaces,
            &mut index.gateways,
            &mut index.wide,
            &mut index.selected,
            &mut index.targeted,
            &mut index.by_selector,
        ] {
            table.sort();
        }
        index
    }
}
