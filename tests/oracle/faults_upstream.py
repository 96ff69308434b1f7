#!/usr/bin/env python3
"""Counts what the published Python library leaves behind when a run is interrupted and repeated.

    python faults_upstream.py

Each call of a first run goes wrong once in every way of FAULTS; then the library runs again, with the
same wish and with others, in a cluster where nothing goes wrong. The last lines count, in this order,
the runs, those that end with something orphaned or wrong, and those in which a target that has an
ALLOW policy before and after has none in between. ``tests/faults`` does the same to our programs.
"""

from __future__ import annotations

import copy
import itertools
import json
import sys
from collections.abc import Callable, Iterator

import httpx2
import oracle
from fake_k8s import FakeCluster

# Before: without effect. After: the request had its effect, and only the answer is lost.
FAULTS = [
    *(("before", status) for status in (404, 409, 410, 429, 500, 503)),
    ("after", 500),
    ("before", "timeout"),
    ("after", "timeout"),
    ("before", "garbage"),
    ("after", "garbage"),
    ("before", "another object"),
    ("before", "death"),
    ("after", "death"),
]

APP, NAMESPACE = "app", "m"
FOREIGN = {"app.kubernetes.io/name": "app", "team": "shop"}
LABELS = {"app.kubernetes.io/instance": "beacon-m", "scope": "policies"}

LABEL_WISHES: list[dict] = [
    {"mesh": "on", "way": "a"},
    {"mesh": "on", "way": "b", "more": "yes"},
    {"other": "1"},
    {"way": "a", "mesh": "on"},
    {},
]


class Death(BaseException):
    """The host dies: nothing is there to catch it."""


class FaultyCluster(FakeCluster):
    """A cluster in which one call goes wrong, and which is looked at after every call."""

    def __init__(self, objects: list[dict], call: int = -1, fault: tuple | None = None):
        super().__init__(objects)
        self._call, self._fault = call, fault
        self.look: Callable[[list[dict]], None] = lambda objects: None

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        if self._fault is None or len(self.calls) != self._call:
            response = super()._handle(request)
            self.look(self.objects())
            return response
        when, what = self._fault
        if when == "after":
            super()._handle(request)
        else:
            self.calls.append({})
        self.look(self.objects())
        if what == "death":
            raise Death
        if what == "timeout":
            raise httpx2.ReadTimeout("injected", request=request)
        if what == "garbage":
            return httpx2.Response(200, text="<html>", request=request)
        if what == "another object":
            return httpx2.Response(200, json={"metadata": {"name": "other"}}, request=request)
        status = {"kind": "Status", "status": "Failure", "message": "injected", "code": what}
        return httpx2.Response(what, json=status, request=request)


def run(cluster: FakeCluster, action: Callable[[FakeCluster], None]) -> bool:
    """Run ``action`` to its end, whatever the end; return whether it ended well."""
    try:
        action(cluster)
    except (Exception, Death):
        return False
    return True


def without_versions(objects: list[dict]) -> list[dict]:
    objects = copy.deepcopy(objects)
    for obj in objects:
        obj["metadata"].pop("resourceVersion", None)
    return objects


# --- Labels ---------------------------------------------------------------------------------


def application() -> list[dict]:
    meta = {"name": APP, "namespace": NAMESPACE}
    spec = {
        "selector": {"matchLabels": {"app.kubernetes.io/name": "app"}},
        "serviceName": APP,
        "template": {"metadata": {"labels": dict(FOREIGN)}},
    }
    return [
        {"kind": "StatefulSet", "metadata": {**meta}, "spec": spec},
        {"kind": "Service", "metadata": {**meta, "labels": dict(FOREIGN)}},
    ]


def label(wish: dict) -> Callable[[FakeCluster], None]:
    name = oracle.label_configmap_name_template.format(app_name=APP)
    return lambda cluster: oracle.reconcile_charm_labels(
        cluster.client(NAMESPACE, APP), APP, NAMESPACE, name, wish
    )


def labels_in(objects: list[dict]) -> list[dict]:
    by_kind = {obj["kind"]: obj for obj in objects}
    return [
        by_kind["StatefulSet"]["spec"]["template"]["metadata"]["labels"],
        by_kind["Service"]["metadata"]["labels"],
    ]


def label_runs() -> Iterator[tuple[bool, bool]]:
    """Yield for each run whether it repeats the wish, and whether its end is wrong."""
    initial = [application()]
    for wish in LABEL_WISHES:
        cluster = FakeCluster(application())
        run(cluster, label(wish))
        initial.append(cluster.objects())
    for before, first in itertools.product(initial, LABEL_WISHES):
        whole = FaultyCluster(before)
        run(whole, label(first))
        for call, fault in itertools.product(range(len(whole.calls)), FAULTS):
            between = FaultyCluster(before, call, fault)
            run(between, label(first))
            for second in LABEL_WISHES:
                after = FakeCluster(between.objects())
                ended = run(after, label(second))
                expected = {**FOREIGN, **second}
                wrong = any(labels != expected for labels in labels_in(after.objects()))
                yield first == second, wrong or not ended


# --- Policies -------------------------------------------------------------------------------


def mesh_policy(source: str, target: str, port: int) -> dict:
    return {
        "source_namespace": "m",
        "source_app_name": source,
        "target_namespace": "n",
        "target_app_name": target,
        "endpoints": [{"ports": [port]}],
    }


def raw(name: str, target: str, action: str) -> dict:
    reference = {"group": "", "kind": "Service", "name": target}
    rules = [{"to": [{"operation": {"ports": ["80"]}}]}]
    return {
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"action": action, "targetRefs": [reference], "rules": rules},
    }


POLICY_WISHES: list[tuple[list[dict], list[dict]]] = [
    (
        [mesh_policy("a", "t1", 80), mesh_policy("b", "t1", 80), mesh_policy("a", "t2", 80)],
        [
            raw("moving", "t3", "ALLOW"),
            raw("following", "t5", "ALLOW"),
            raw("deny", "t1", "DENY"),
            raw("turning", "t6", "DENY"),
        ],
    ),
    (
        [mesh_policy("a", "t1", 80), mesh_policy("a", "t2", 8080), mesh_policy("c", "t6", 80)],
        [
            raw("moving", "t4", "ALLOW"),
            raw("following", "t3", "ALLOW"),
            raw("other-deny", "t1", "DENY"),
            raw("turning", "t6", "ALLOW"),
        ],
    ),
    (
        [mesh_policy("a", "t2", 8080), mesh_policy("d", "t3", 1)],
        [raw("deny", "t1", "ALLOW"), raw("turning", "t6", "AUDIT")],
    ),
    ([], []),
]


def reconcile(wish: tuple[list[dict], list[dict]]) -> Callable[[FakeCluster], None]:
    policies, raw_policies = wish
    request = {"app_name": "beacon", "model_name": "m", "labels": LABELS, "policies": policies}

    def action(cluster: FakeCluster) -> None:
        oracle._policy_manager(request, cluster).reconcile(
            oracle._mesh_policies(request),
            oracle.enums.MeshType.istio,
            raw_policies=[oracle._raw_policy(each) for each in raw_policies],
        )

    return action


def covered(objects: list[dict]) -> set[str]:
    specs = [obj["spec"] for obj in objects if "targetRefs" in obj["spec"]]
    allow = [spec for spec in specs if spec.get("action", "ALLOW") == "ALLOW"]
    return {json.dumps(spec["targetRefs"]) for spec in allow}


def policy_runs() -> Iterator[tuple[bool, bool]]:
    """Yield for each run whether its end is wrong, and whether a target was open in between."""
    ideals = []
    for wish in POLICY_WISHES:
        cluster = FakeCluster()
        run(cluster, reconcile(wish))
        ideals.append(cluster.objects())
    for before, (first, wish) in itertools.product(ideals, enumerate(POLICY_WISHES)):
        whole = FaultyCluster(before)
        run(whole, reconcile(wish))
        for call, fault in itertools.product(range(len(whole.calls)), FAULTS):
            open_targets: list[set[str]] = []
            throughout = covered(before) & covered(ideals[first])
            between = FaultyCluster(before, call, fault)
            between.look = lambda objects: open_targets.append(throughout - covered(objects))
            run(between, reconcile(wish))
            for second, other in enumerate(POLICY_WISHES):
                after = FakeCluster(between.objects())
                ended = run(after, reconcile(other))
                right = without_versions(after.objects()) == without_versions(ideals[second])
                yield not (ended and right), any(open_targets)


def main() -> None:
    """Count and print."""
    oracle.silence_libraries()
    runs = list(label_runs())
    wrong = sum(is_wrong for _, is_wrong in runs)
    others = [is_wrong for is_same, is_wrong in runs if not is_same]
    print(
        f"the library, labels: {len(runs)} runs interrupted and run again: {wrong} orphaned "
        f"({sum(others)} of the {len(others)} with another wish)"
    )
    runs = list(policy_runs())
    wrong = sum(is_wrong for is_wrong, _ in runs)
    opened = sum(is_open for _, is_open in runs)
    print(
        f"the library, policies: {len(runs)} runs interrupted and run again: {wrong} orphaned or "
        f"wrong; in {opened} of them a target stood without ALLOW policy that has one before and after"
    )
    if not runs:
        sys.exit("nothing was run")


if __name__ == "__main__":
    main()
