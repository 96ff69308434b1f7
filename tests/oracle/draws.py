"""Draws the parts of requests: names, ports, policies, databags, Kubernetes objects."""

from __future__ import annotations

import copy
import itertools
import json
import random
from collections.abc import Callable

from vocabulary import (
    APPS,
    BAD_METHODS,
    BAD_PORTS,
    BIG_INTS,
    EDGE_PORTS,
    ENDPOINTS,
    HOSTS,
    HTTP_FAILURES,
    LAX_PORTS,
    MESH_LABELS,
    METHODS,
    MODELS,
    PATHS,
    PORTS,
    SERVICES,
    SURROGATES,
    UNICODE,
    VERSIONED_UNICODE,
    WRONG_TYPES,
    Json,
)


class Draws:
    """Draws from one seeded random source, and remembers in ``tags`` what it drew."""

    def __init__(self, seed: int, hostile: bool, non_portable: bool):
        self.rng = random.Random(seed)
        self.hostile = hostile
        self.non_portable = non_portable
        self.tags: set[str] = set()

    # --- Primitives ---

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def some(self, make: Callable[[], Json], low: int, high: int) -> list:
        return [make() for _ in range(self.rng.randint(low, high))]

    def exotic(self) -> str:
        if self.non_portable and self.chance(0.1):
            self.tags |= {"surrogate", "unicode"}
            return self.rng.choice(SURROGATES)
        if self.chance(0.05):
            self.tags |= {"unicode", "unicode-version"}
            return self.rng.choice(VERSIONED_UNICODE)
        text = self.rng.choice(UNICODE)
        if not text.isascii():
            self.tags.add("unicode")
        return text

    def text(self, pool: list[str]) -> str:
        value = self.rng.choice(pool)
        if self.chance(0.06):
            cut = self.rng.randint(0, len(value))
            value = value[:cut] + self.exotic() + value[cut:]
        return value

    def app(self) -> str:
        return self.text(APPS)

    def model(self) -> str:
        return self.text(MODELS)

    def port(self) -> Json:
        draw = self.rng.random()
        if draw < 0.80:
            return self.rng.choice(PORTS)
        if draw < 0.88:
            return self.rng.choice(EDGE_PORTS)
        if draw < 0.96 or not self.hostile:
            return self.rng.choice(LAX_PORTS)
        if draw < 0.97:
            self.tags.add("bigint")
            return self.rng.choice(BIG_INTS)
        return self.rng.choice(BAD_PORTS)

    def clean_port(self) -> int:
        return self.rng.choice(PORTS if self.chance(0.9) else EDGE_PORTS)

    def optional(
        self, target: dict, key: str, make: Callable[[], Json], likely: float = 0.5
    ) -> None:
        """Set ``key``, leave it out, or set it to None."""
        draw = self.rng.random()
        if draw < likely:
            target[key] = make()
        elif draw < likely + (1 - likely) / 3:
            target[key] = None

    # --- Models ---

    def endpoint(self, lax: bool = True, unit: bool = False) -> dict:
        """Return an endpoint: clean, or (``lax``) in need of coercion and perhaps invalid."""
        port = self.port if lax else self.clean_port
        size = (0, 4) if self.chance(0.99) else (50, 200)
        endpoint: dict[str, Json] = {}
        self.optional(endpoint, "ports", lambda: self.some(port, *size), 0.75)
        if unit:
            return endpoint
        self.optional(endpoint, "hosts", lambda: self.some(lambda: self.text(HOSTS), 0, 3), 0.3)
        self.optional(endpoint, "paths", lambda: self.some(lambda: self.text(PATHS), 0, 4))
        self.optional(endpoint, "methods", lambda: self.some(lambda: self.method(lax), 0, 4))
        return self.shuffled(endpoint)

    def method(self, lax: bool) -> Json:
        if lax and self.chance(0.04):
            return self.rng.choice(BAD_METHODS)
        return self.rng.choice(METHODS)

    def shuffled(self, content: dict) -> dict:
        """Vary the order of keys, which must not show in the output."""
        items = list(content.items())
        if self.chance(0.3):
            self.rng.shuffle(items)
        return dict(items)

    def charm_policy(self, endpoints: list[str], lax: bool = True) -> dict:
        kind = self.rng.choices(["app", "unit", "policy"], [60, 30, 10])[0]
        policy: dict[str, Json] = {"kind": kind, "relation": self.rng.choice(endpoints)}
        if kind == "unit":
            port = self.port if lax else self.clean_port
            self.optional(policy, "ports", lambda: self.some(port, 0, 4), 0.8)
        else:
            policy["endpoints"] = self.some(lambda: self.endpoint(lax), 0, 3)
            self.optional(policy, "service", lambda: self.text([*SERVICES, ""]), 0.3)
        return policy

    def mesh_policy(self, lax: bool = False) -> dict:
        unit = self.chance(0.35)
        policy: dict[str, Json] = {
            "source_namespace": self.model(),
            "source_app_name": self.app(),
            "target_namespace": self.model(),
        }
        if unit:
            policy["target_type"] = "unit"
            if self.chance(0.75):
                policy["target_app_name"] = self.app()
            elif self.chance(0.7):
                policy["target_selector_labels"] = self.selector()
        else:
            self.optional(policy, "target_type", lambda: "app", 0.6)
            if policy.get("target_type", "app") is None:
                del policy["target_type"]
            if self.chance(0.8):
                policy["target_app_name"] = self.app()
            if "target_app_name" not in policy or self.chance(0.3):
                policy["target_service"] = self.text(SERVICES)
        # Every now and then a unit policy carries what only app policies may.
        plain = unit and self.chance(0.9)
        if self.chance(0.9):
            policy["endpoints"] = self.some(lambda: self.endpoint(lax, plain), 0, 3)
        if lax and self.chance(0.15):
            policy |= self.rng.choice(
                [
                    {"target_type": "pod"},
                    {"target_type": "APP"},
                    {"target_type": None},
                    {"target_service": "svc"},
                    {"target_service": ""},
                    {"target_selector_labels": {"a": "b"}},
                    {"target_selector_labels": {}},
                    {"target_selector_labels": {"a": 1}},
                    {"target_app_name": None},
                    {"target_app_name": ""},
                    {"endpoints": None},
                    {"endpoints": {}},
                    {"source_app_name": None},
                    {"extra_field": [1, 2]},
                ]
            )
        return self.shuffled(policy)

    def selector(self) -> dict[str, str]:
        labels = {
            "app.kubernetes.io/name": self.app(),
            "role": self.text(["primary", "replica"]),
            self.text(["key", "tier"]): self.text(["", "value"]),
        }
        return dict(self.rng.sample(list(labels.items()), self.rng.randint(1, len(labels))))

    def damage(self, content: dict | list) -> None:
        """Replace or remove one randomly chosen place inside non-empty ``content``."""
        parent = content
        while True:
            key = self.rng.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
            child = parent[key]
            if not (isinstance(child, (dict, list)) and child and self.chance(0.75)):
                break
            parent = child
        if key in ("kind", "relation") or (isinstance(child, dict) and "kind" in child):
            # Says which class to build or where; without it the request makes no sense.
            return
        self.tags.add("hostile")
        if isinstance(parent, dict) and self.chance(0.25):
            del parent[key]
        else:
            parent[key] = copy.deepcopy(self.rng.choice([*WRONG_TYPES, "x" * 300, self.exotic()]))

    def policy_of_kind(self, kind: str) -> dict:
        while True:
            policy = self.charm_policy(ENDPOINTS)
            if policy.pop("kind") == kind:
                return policy

    def cmr_data(self) -> dict:
        return {"app_name": self.app(), "juju_model_name": self.model()}

    def rule(self) -> dict:
        rule: dict[str, Json] = {}
        source = {"principals": [f"cluster.local/ns/{self.model()}/sa/{self.app()}"]}
        # "from_" is accepted next to its alias.
        name = "from" if self.chance(0.8) else "from_"
        self.optional(rule, name, lambda: [{"source": source}], 0.8)
        operation = {"ports": ["80"], "methods": ["GET"], "notPaths": ["/x"], "hosts": None}
        self.optional(rule, "to", lambda: [{"operation": operation}, {}], 0.6)
        condition = {"key": "request.headers[x]", "values": ["a"], "notValues": None}
        self.optional(rule, "when", lambda: [condition], 0.2)
        return rule

    def part_of_a_spec(self) -> tuple[str, dict]:
        """Return the name of a model that specs are made of, and data for it."""
        names = [self.text(SERVICES)]
        makers: dict[str, Callable[[], dict]] = {
            "Condition": lambda: {"key": "request.auth.claims[x]", "notValues": names},
            "From": lambda: {"source": {"namespaces": names, "ipBlocks": None}},
            "Operation": lambda: {
                "notMethods": [self.method(lax=True)],
                "ports": [str(self.clean_port())],
                "paths": names,
                "hosts": [],
            },
            "PolicyTargetReference": lambda: {
                "name": names[0],
                "kind": "Service",
                "group": "",
                "namespace": self.rng.choice([None, "m"]),
            },
            "Provider": lambda: {"name": self.rng.choice([None, names[0]])},
            "Source": lambda: {"notPrincipals": names, "principals": []},
            "To": lambda: {"operation": self.rng.choice([None, {}, {"notPaths": names}])},
            "WorkloadSelector": lambda: {"matchLabels": self.selector()},
        }
        name = self.rng.choice(list(makers))
        data = makers[name]()
        if self.chance(0.2):
            del data[self.rng.choice(list(data))]
        return name, data

    def authorization_policy_spec(self) -> dict:
        spec: dict[str, Json] = {}
        self.optional(spec, "action", lambda: self.rng.choice(["ALLOW", "DENY", "CUSTOM"]))
        target = {"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": self.app()}
        self.optional(spec, "targetRefs", lambda: [target], 0.5)
        self.optional(spec, "selector", lambda: {"matchLabels": self.selector()}, 0.3)
        self.optional(spec, "rules", lambda: self.some(self.rule, 0, 2), 0.7)
        self.optional(spec, "provider", lambda: {"name": self.app()}, 0.15)
        return spec

    def related(self, ids: itertools.count, remotes: list[str], low: int, high: int) -> list[dict]:
        """Return relations, some of them to the applications behind cross-model offers."""
        relations = []
        for _ in range(self.rng.randint(low, high)):
            cross_model = remotes and self.chance(0.4)
            app = self.rng.choice(remotes) if cross_model else self.rng.choice(APPS)
            relations.append({"id": next(ids), "app": app})
        return relations

    def remotes(self) -> list[str]:
        return self.some(lambda: f"remote-{self.rng.getrandbits(128):032x}", 0, 2)

    def cmr_databag(self) -> dict:
        draw = self.rng.random()
        if draw < 0.75:
            return {"cmr_data": json.dumps(self.cmr_data())}
        if draw < 0.85:
            return {}
        if draw < 0.90:
            return {"cmr_data": json.dumps({**self.cmr_data(), "more": 1}, ensure_ascii=False)}
        return {"cmr_data": self.bad_json(['{"app_name": "only"}', '{"app_name": 1}', "{}"])}

    def bad_json(self, more: list[str]) -> str:
        self.tags.add("bad-json")
        return self.rng.choice(
            [
                "",
                " ",
                "null",
                "[]",
                "5",
                '"text"',
                "{",
                "{'a': 1}",
                "NaN",
                "\ufeff[]",
                "[1,]",
                *more,
            ]
        )

    def mesh_databag(self) -> dict[str, str]:
        draw = self.rng.random()
        if draw < 0.1:
            return {}
        databag = {
            "labels": json.dumps(self.rng.choice(MESH_LABELS)),
            "mesh_type": json.dumps("istio"),
        }
        if draw > 0.9:
            databag |= self.rng.choice(
                [
                    {"mesh_type": "istio"},
                    {"mesh_type": '"linkerd"'},
                    {"labels": '{"a": 1}'},
                    {"labels": "not json"},
                    {"another": "1"},
                    {"another": "not json"},
                ]
            )
        elif draw > 0.85:
            del databag[self.rng.choice(list(databag))]
        return databag

    def policies_databag(self) -> dict[str, str]:
        if self.chance(0.12):
            return {}
        if self.chance(0.08):
            more = ["{}", "[[]]", "[null]", '{"a": 1}', '[{"source_namespace": "x"}]', '["x"]']
            return {"policies": self.bad_json(more)}
        lax = self.chance(0.2)
        policies = self.some(lambda: self.mesh_policy(lax), 0, 3)
        if self.hostile and policies and self.chance(0.15):
            self.damage(policies)
        text = json.dumps(policies, ensure_ascii=self.chance(0.8))
        return {"policies": text}

    def raw_policy(self) -> dict:
        metadata: dict[str, Json] = {
            "name": self.rng.choice(["allow-nothing", "deny-all", "custom"])
        }
        if self.chance(0.9):
            metadata["namespace"] = self.rng.choice(MODELS)
        if self.chance(0.3):
            metadata["labels"] = {"set-by": "charm"}
        raw: dict[str, Json] = {"metadata": metadata, "spec": self.rng.choice([{}, {"rules": []}])}
        via = self.rng.choices(["object", "dict", "configmap", "plain"], [6, 3, 0.5, 0.5])[0]
        return {"via": via, **raw}

    def policy_fault(self) -> dict:
        fault: dict[str, Json] = {"method": self.rng.choice(["GET", "DELETE", "PATCH"])}
        # A broken connection stops the run, and which DELETE comes first is arbitrary.
        if fault["method"] != "DELETE" and self.chance(0.2):
            return {**fault, "transport_error": "connection refused"}
        fault["status"] = self.rng.choice([404, *HTTP_FAILURES])
        if fault["method"] == "GET" and self.chance(0.1):
            fault["json"] = False
        return fault

    def fault(self, calls: int) -> dict:
        fault: dict[str, Json] = {"call": self.rng.randrange(calls)}
        if self.chance(0.1):
            return {**fault, "transport_error": "connection refused"}
        fault["status"] = self.rng.choice([404, 409, *HTTP_FAILURES])
        if self.chance(0.05):
            fault["json"] = False
        return fault

    def charm_objects(self, app: str, namespace: str) -> list[dict]:
        """Return the charm's StatefulSet, Service and perhaps the ConfigMap of labels."""
        own = {"app.kubernetes.io/name": app}
        old = self.rng.choice([{}, *MESH_LABELS, {"stale": "yes"}])
        meta = {"name": app, "namespace": namespace}
        pod = {"metadata": {"labels": {**own, **old}}, "spec": {"containers": [{"name": "charm"}]}}
        objects = [
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "metadata": dict(meta),
                "spec": {"selector": {"matchLabels": own}, "serviceName": app, "template": pod},
            },
            {"apiVersion": "v1", "kind": "Service", "metadata": {**meta, "labels": {**own, **old}}},
        ]
        if self.chance(0.05):
            objects.pop(self.rng.randrange(2))
        if self.chance(0.7):
            objects.append(self.labels_configmap(app, namespace, old))
        return objects

    def labels_configmap(self, app: str, namespace: str, labels: dict) -> dict:
        metadata: dict[str, Json] = {
            "name": f"juju-service-mesh-{app}-labels",
            "namespace": namespace,
        }
        if self.chance(0.3):
            metadata["creationTimestamp"] = "2025-08-05T10:20:30Z"
            metadata["uid"] = "0d3f8f2e-7f0c-4a4f-9a55-5f2b9c9d2f11"
            metadata["managedFields"] = [
                {
                    "manager": app,
                    "operation": "Update",
                    "apiVersion": "v1",
                    "fieldsType": "FieldsV1",
                }
            ]
        configmap: dict[str, Json] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        draw = self.rng.random()
        if draw < 0.8:
            configmap["data"] = {"labels": json.dumps(labels)}
        elif draw < 0.85:
            configmap["data"] = {}
        elif draw < 0.9:
            configmap["data"] = {"labels": json.dumps(labels), "other": "kept"}
        elif draw < 0.97:
            configmap["data"] = {"labels": self.bad_json(['["a", "b"]', '{"a": {"b": 1}}'])}
        else:
            configmap["data"] = {"not-labels": "{}"}
        return configmap

    def sized(self, name: str) -> str:
        """Sometimes pad or cut a name to a length of interest."""
        if self.chance(0.4):
            length = self.rng.choice([0, 1, 2, 20, 30, 31, 32, 33, 61, 62, 63, 64, 100, 254])
            name = (name + "-" + "n" * 260)[:length]
        return name
