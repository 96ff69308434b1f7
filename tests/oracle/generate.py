#!/usr/bin/env python3
"""Writes random requests for oracle.py, one JSON object per line.

    python generate.py --seed 1 --count 3000 > requests.jsonl
    python generate.py --seed 2 --count 3000 --hostile > requests.jsonl
    python generate.py --seed 3 --count 500 --ops validate,default_labels > requests.jsonl

The same arguments give the same requests. Requests carry an ``id`` and ``tags``, which the oracle
ignores. Tags name what a consumer may want to filter on:

* ``unicode``          some string is not ASCII
* ``unicode-version``  some string holds a code point that later Python versions print
                       differently, so str(), hashes and resource names depend on the version
* ``bigint``           some integer, or number in a string, does not fit in 64 bits
* ``bad-json``         some databag or ConfigMap value is not JSON, or not of the expected shape
* ``hostile``          a random place was damaged: wrong type, missing key (only with --hostile)
* ``surrogate``        some string holds an unpaired surrogate, which strict JSON parsers and
                       UTF-8 cannot represent (only with --non-portable)
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterator

import oracle
from draws import Draws
from vocabulary import (
    APPS,
    ENDPOINTS,
    MESH_LABELS,
    MODELS,
    WRONG_TYPES,
    Json,
)

# The field of each operation that comes from users or remote charms, and so may be damaged.
DAMAGEABLE = {
    "validate": "data",
    "build_mesh_policies": "policies",
    "consumer_databag": "policies",
    "provider": "labels",
    "istio_policies": "policies",
    "reconcile_policies": "policies",
}


# Roughly what Kubernetes accepts as a name.
STORABLE_NAME = re.compile(r"[a-z0-9.-]{1,253}")


def could_exist(resource: dict) -> bool:
    """Return whether a cluster could hold this resource, going by its name."""
    metadata = resource["metadata"]
    return all(STORABLE_NAME.fullmatch(metadata[part]) for part in ("name", "namespace"))


class Generator(Draws):
    """Draws requests from one seeded random source."""

    def __init__(self, seed: int, hostile: bool, non_portable: bool, ops: Collection[str] = ()):
        super().__init__(seed, hostile, non_portable)
        self.seed = seed
        every: list[tuple[int, Callable[[], dict]]] = [
            (38, self.validate),
            (13, self.build_mesh_policies),
            (10, self.consumer_databag),
            (8, self.provider),
            (13, self.istio_policies),
            (5, self.reconcile_policies),
            (5, self.reconcile_labels),
            (8, self.default_labels),
        ]
        names = [make.__name__ for _, make in every]
        unknown = sorted(set(ops) - set(names))
        if unknown:
            raise ValueError(f"unknown operations {unknown}; there are {names}")
        self._ops = [(weight, make) for weight, make in every if not ops or make.__name__ in ops]

    def requests(self, count: int) -> Iterator[dict]:
        """Yield ``count`` requests."""
        weights, makers = zip(*self._ops, strict=True)
        for index in range(count):
            self.tags = set()
            request = self.rng.choices(makers, weights)[0]()
            content = request.get(DAMAGEABLE.get(request["op"], ""))
            if self.hostile and isinstance(content, (dict, list)) and content and self.chance(0.25):
                # A copy, because parts of it may be the vocabulary's own lists.
                request[DAMAGEABLE[request["op"]]] = content = copy.deepcopy(content)
                self.damage(content)
            yield {"id": f"{self.seed}-{index}", "tags": sorted(self.tags), **request}

    # --- Operations ---
    # Each method named after an operation returns a request for it.

    def validate(self) -> dict:
        makers: dict[str, Callable[[], Json]] = {
            "Endpoint": self.endpoint,
            "MeshPolicy": lambda: self.mesh_policy(lax=True),
            "AppPolicy": lambda: self.policy_of_kind("app"),
            "UnitPolicy": lambda: self.policy_of_kind("unit"),
            "Policy": lambda: self.policy_of_kind("policy"),
            "CMRData": self.cmr_data,
            "ServiceMeshProviderAppData": lambda: {
                "labels": self.rng.choice(MESH_LABELS),
                "mesh_type": self.rng.choice(["istio"] * 4 + ["Istio", "linkerd"]),
            },
            "Method": lambda: self.method(lax=True),
            "PolicyTargetType": lambda: self.rng.choice(["app", "unit", "App", None, 1]),
            "MeshType": lambda: self.rng.choice(["istio", "ISTIO", "", 0]),
            "Action": lambda: self.rng.choice(["ALLOW", "DENY", "CUSTOM", "AUDIT", "allow"]),
            "AuthorizationPolicySpec": self.authorization_policy_spec,
            "Rule": self.rule,
        }
        weights = [25, 30, 10, 8, 4, 4, 3, 2, 1, 1, 1, 6, 4]
        model = self.rng.choices(list(makers), weights)[0]
        data = makers[model]()
        if isinstance(data, dict) and self.chance(0.05):
            data["unexpected"] = self.rng.choice(WRONG_TYPES)
        if isinstance(data, dict) and data and self.chance(0.04):
            del data[self.rng.choice(list(data))]
        if self.hostile and self.chance(0.1):
            model, data = self.part_of_a_spec()
        if self.hostile and self.chance(0.03):
            data = self.rng.choice(WRONG_TYPES)
        return {"op": "validate", "model": model, "data": data}

    def build_mesh_policies(self) -> dict:
        ids, remotes = itertools.count(1), self.remotes()
        endpoints = self.rng.sample(ENDPOINTS, self.rng.randint(1, 3))
        relations = {endpoint: self.related(ids, remotes, 0, 4) for endpoint in endpoints}
        for related in relations.values():
            for relation in related:
                if self.chance(0.05):
                    relation["app"] = self.app()
        if self.chance(0.03):
            endpoints.append("not-declared")
        return {
            "op": "build_mesh_policies",
            "relations": relations,
            "cmr_relations": [
                {"id": next(ids), "app": app, "remote": self.cmr_databag()} for app in remotes
            ],
            "target_app_name": self.app(),
            "target_namespace": self.model(),
            "policies": self.some(lambda: self.charm_policy(endpoints), 0, 3),
        }

    def consumer_databag(self) -> dict:
        app, model = self.rng.choice(APPS), self.rng.choice(MODELS)
        ids, remotes = itertools.count(self.rng.choice([0, 1, 7])), self.remotes()
        relations: dict[str, list[dict]] = {}
        if self.chance(0.9):
            mesh = {"id": next(ids), "app": "beacon", "remote": self.mesh_databag()}
            if self.chance(0.3):
                mesh["local"] = {"policies": "[]"}
            relations["service-mesh"] = [mesh]
            if self.chance(0.02):
                relations["service-mesh"].append({"id": next(ids), "app": "second-beacon"})
        endpoints = self.rng.sample(ENDPOINTS, self.rng.randint(1, 3))
        for endpoint in endpoints:
            relations[endpoint] = self.related(ids, remotes, 0, 3)
        relations["provide-cmr-mesh"] = [
            {"id": next(ids), "app": remote, "remote": self.cmr_databag()} for remote in remotes
        ]
        if self.chance(0.3):
            relations["require-cmr-mesh"] = self.related(ids, [], 1, 2)
        request: dict[str, Json] = {
            "op": "consumer_databag",
            "app": app,
            "model": model,
            "leader": self.chance(0.85),
            "policies": self.some(lambda: self.charm_policy(endpoints, lax=False), 0, 3),
            "relations": relations,
            "event": self.event(relations),
        }
        if self.chance(0.1):
            request["options"] = {"auto_join": False}
        mesh_ids = [relation["id"] for relation in relations.get("service-mesh", [])]
        if request["event"].get("relation_id") in mesh_ids:
            request["cluster"] = self.charm_objects(app, model)
            if self.chance(0.1):
                request["faults"] = [self.fault(5)]
        if self.hostile and self.chance(0.03):
            request["policies"].append({"kind": "unit", "relation": "not-declared"})
            request["undeclared"] = ["not-declared"]
        return request

    def event(self, relations: dict[str, list[dict]]) -> dict:
        every = [relation["id"] for related in relations.values() for relation in related]
        if not every or self.chance(0.2):
            names = ["upgrade_charm", "update_status", "config_changed"]
            return {"name": self.rng.choices(names, [3, 1, 1])[0]}
        mesh = [relation["id"] for relation in relations.get("service-mesh", [])]
        name = self.rng.choice(["relation_created", "relation_changed", "relation_broken"])
        preferred = mesh if mesh and self.chance(0.4) else every
        return {"name": name, "relation_id": self.rng.choice(preferred)}

    def provider(self) -> dict:
        ids = itertools.count(1)
        relations = [
            {"id": next(ids), "app": app, "remote": self.policies_databag()}
            for app in self.rng.sample(APPS, self.rng.randint(0, 3))
        ]
        for relation in relations:
            if self.chance(0.2):
                relation["local"] = {"labels": '{"old": "label"}', "kept": "yes"}
        request = {
            "op": "provider",
            "app": "beacon",
            "model": self.rng.choice(MODELS),
            "leader": self.chance(0.8),
            "labels": self.rng.choice(MESH_LABELS),
            "relations": relations,
            "event": {"name": self.rng.choice(["config_changed", "update_status"])},
        }
        if relations and self.chance(0.5):
            chosen = self.rng.choice(relations)["id"]
            request["event"] = {"name": "relation_created", "relation_id": chosen}
        if self.chance(0.05):
            request["mesh_type"] = "linkerd"
        if self.chance(0.05):
            request["labels"] = {"istio.io/dataplane-mode": self.rng.choice([None, 1, True])}
        return request

    def istio_policies(self) -> dict:
        app, model = self.app(), self.model()
        policies = self.some(self.mesh_policy, 0 if self.chance(0.1) else 1, 3)
        if self.chance(0.15):
            self.stretch(app, model, policies)
        request: dict[str, Json] = {
            "op": "istio_policies",
            "app_name": app,
            "model_name": model,
            "policies": policies,
            "explain": self.chance(0.3),
        }
        if self.chance(0.05):
            request["app_name"] = app + "-long" * 60
        if self.chance(0.2):
            request["raw_policies"] = self.some(self.raw_policy, 0, 2)
        if self.chance(0.03):
            request["mesh_type"] = "linkerd"
        return request

    def stretch(self, app: str, model: str, policies: list[dict]) -> None:
        """Make one policy's resource name come out around the 253-character limit."""
        if not policies:
            return
        policy = self.rng.choice(policies)
        target = policy.get("target_app_name") or policy.get("target_service") or "custom-selector"
        parts = [app, model, "policy", "", policy["source_namespace"], target, "01234567"]
        limit = self.rng.choice([252, 253, 254, 255, 300])
        missing = limit - len("-".join(parts))
        if missing > 0:
            policy["source_app_name"] = (policy["source_app_name"] + "-" + "s" * missing)[:missing]

    def reconcile_policies(self) -> dict:
        app, model = self.rng.choice(APPS[:-1]), self.rng.choice(MODELS[:-1])
        before = self.some(self.mesh_policy, 0, 2)
        kept = [policy for policy in before if self.chance(0.5)]
        desired = kept + self.some(self.mesh_policy, 0, 2)
        if desired and self.chance(0.1):
            desired.append(self.rng.choice(desired))
        labels = {
            "app.kubernetes.io/instance": f"{app}-{model}",
            "kubernetes-resource-handler-scope": "authorization-policy",
        }
        request: dict[str, Json] = {
            "op": "reconcile_policies",
            "app_name": app,
            "model_name": model,
            "labels": labels,
            "cluster": self.policy_objects(app, model, before, labels),
            "policies": desired,
        }
        if self.chance(0.2):
            request["raw_policies"] = self.some(self.raw_policy, 1, 2)
        if self.chance(0.1):
            request["action"] = "delete"
        if self.chance(0.1):
            request["ignore_missing"] = False
        if self.chance(0.1):
            request["force"] = False
        if self.chance(0.04):
            request["labels"] = self.rng.choice([None, {}, {"only-a-key": None}])
        if self.chance(0.03):
            request["field_manager"] = None
        if self.chance(0.25):
            request["faults"] = [self.policy_fault()]
        return request

    def policy_objects(
        self, app: str, model: str, policies: list[dict], labels: dict
    ) -> list[dict]:
        """Return what an earlier reconcile left behind, plus something of another owner."""
        built = oracle.respond(
            {"op": "istio_policies", "app_name": app, "model_name": model, "policies": policies}
        )
        resources = built["ok"]["resources"] if "ok" in built else []
        objects = [resource for resource in resources if resource and could_exist(resource)]
        for resource in objects:
            resource["metadata"]["labels"] = dict(labels)
        if self.chance(0.3):
            metadata = {"name": "not-ours", "namespace": model, "labels": {"owner": "else"}}
            objects.append({"metadata": metadata, "spec": {}})
        kind = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy"}
        return [{**kind, **resource} for resource in objects]

    def reconcile_labels(self) -> dict:
        app, namespace = self.rng.choice(APPS[:-1]), self.rng.choice(MODELS[:-1])
        labels: Json = dict(self.rng.choice([*MESH_LABELS, self.selector()]))
        if self.chance(0.05):
            labels["unset"] = None
        request: dict[str, Json] = {
            "op": "reconcile_labels",
            "app_name": app,
            "namespace": namespace,
            "labels": labels,
            "cluster": self.charm_objects(app, namespace),
        }
        if self.chance(0.05):
            request["client_namespace"] = self.rng.choice(MODELS[:-1])
        if self.chance(0.05):
            request["label_configmap_name"] = "custom-labels"
        if self.chance(0.35):
            request["faults"] = [self.fault(5)]
        return request

    def default_labels(self) -> dict:
        app = self.sized(self.app())
        model = self.sized(self.model())
        helper = self.rng.choice(
            ["charm_kubernetes_label"] * 3
            + ["charmed_charm_kubernetes_label", "create_charm_default_labels"]
            + ["generate_telemetry_labels", "label_configmap_name"]
            + ["peer_identity_for_juju_application", "peer_identity_for_service_account"]
        )
        args: dict[str, Json]
        if helper == "create_charm_default_labels":
            args = {"application_name": app, "model_name": model, "scope": self.app()}
        elif helper == "label_configmap_name":
            args = {"app_name": app}
        elif helper == "peer_identity_for_juju_application":
            args = {"app_name": app, "namespace": model}
        elif helper == "peer_identity_for_service_account":
            args = {"service_account": app, "namespace": model}
        else:
            args = {"model_name": model, "app_name": app}
            if helper != "generate_telemetry_labels":
                for name, values in (
                    ("prefix", ["", "charms.canonical.com/", "p" * 40, "p" * 52, "p" * 53]),
                    ("suffix", ["", ".telemetry", "s" * 13]),
                    ("separator", ["-", ".", "", "--", "_sep_"]),
                    ("max_length", [63, 20, 10, 12, 0, 253]),
                ):
                    if self.chance(0.3):
                        args[name] = self.rng.choice(values)
        return {"op": "default_labels", "helper": helper, "args": args}



def main() -> None:
    """Write the requested number of requests to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--ops", help="only these operations, separated by commas")
    parser.add_argument("--hostile", action="store_true", help="mix in malformed requests")
    parser.add_argument(
        "--non-portable",
        action="store_true",
        help="allow unpaired surrogates, which strict JSON parsers reject",
    )
    arguments = parser.parse_args()
    oracle.silence_libraries()
    ops = arguments.ops.split(",") if arguments.ops else ()
    try:
        generator = Generator(arguments.seed, arguments.hostile, arguments.non_portable, ops)
    except ValueError as error:
        parser.error(str(error))
    for request in generator.requests(arguments.count):
        print(json.dumps(request, separators=(",", ":")))


if __name__ == "__main__":
    main()
