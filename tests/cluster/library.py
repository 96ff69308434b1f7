#!/usr/bin/env python3
"""The published Python library against a real API server, so that it can be watched and timed.

One JSON object per line in, one out, in order:

    {"kubeconfig": FILE, "app_name", "model_name", "labels", "field_manager"?,
     "action": "reconcile" | "delete" | "labels",
     "policies"?, "raw_policies"?, "force"?, "configmap"?, "client_namespace"?}
    {"ms": 12.3} or {"ms": 12.3, "error": "ApiError: ..."}

`ms` is the library's own call; clients are made before it and kept.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from types import SimpleNamespace
from typing import Any

from canonical_service_mesh.enums import MeshType
from canonical_service_mesh.k8s.resource_manager import PolicyResourceManager
from canonical_service_mesh.k8s.types.istio import AuthorizationPolicy
from canonical_service_mesh.utils.istio import reconcile_charm_labels
from charmlibs.interfaces.service_mesh import MeshPolicy
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta

_CLIENTS: dict[tuple[str, str, str], Client] = {}


def _client(request: dict[str, Any]) -> Client:
    namespace = request.get("client_namespace", request["model_name"])
    key = (request["kubeconfig"], namespace, request.get("field_manager", request["app_name"]))
    if key not in _CLIENTS:
        _CLIENTS[key] = Client(
            config=KubeConfig.from_file(key[0]), namespace=key[1], field_manager=key[2], trust_env=False
        )
    return _CLIENTS[key]


def _raw(policy: dict[str, Any]) -> AuthorizationPolicy:
    return AuthorizationPolicy(
        metadata=ObjectMeta.from_dict(policy["metadata"]), spec=policy.get("spec")
    )


def respond(request: dict[str, Any]) -> dict[str, Any]:
    """Do what the line asks, and time it."""
    client = _client(request)
    action = request["action"]
    policies = [MeshPolicy.model_validate(policy) for policy in request.get("policies", [])]
    raw_policies = [_raw(policy) for policy in request.get("raw_policies", [])]
    charm: Any = SimpleNamespace(
        app=SimpleNamespace(name=request["app_name"]), model=SimpleNamespace(name=request["model_name"])
    )
    manager = PolicyResourceManager(charm, client, labels=request.get("labels"))
    # The first request of a client pays for its connection in both libraries.
    start = time.perf_counter()
    try:
        if action == "reconcile":
            manager.reconcile(policies, MeshType.istio, raw_policies, force=request.get("force", True))
        elif action == "delete":
            manager.delete()
        elif action == "labels":
            reconcile_charm_labels(
                client,
                request["app_name"],
                request["model_name"],
                request["configmap"],
                request["labels"],
            )
        else:
            raise ValueError(f"no action is named {action!r}")
    except Exception as error:  # noqa: BLE001: whatever the library raises is an answer
        return {"ms": _since(start), "error": f"{type(error).__name__}: {error}"}
    return {"ms": _since(start)}


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Answer standard input on standard output."""
    logging.disable(logging.CRITICAL)
    output, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        output.write(json.dumps(respond(json.loads(line))) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
