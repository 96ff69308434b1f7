#!/usr/bin/env python3
"""Times the published Python library.

python compile_library.py BUNDLE CHARM RUNS SECONDS
"""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import yaml
from canonical_service_mesh.utils.istio import build_policy_resources_istio
from charmlibs.interfaces.service_mesh import AppPolicy, build_mesh_policies

# The library's user would take the fast loader where there is one.
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compile_text(bundle_text: str, charm_text: str, is_yaml: bool) -> tuple[str, list[bytes]]:
    """Compile, and return the databag and the resources as sent to Kubernetes."""
    if is_yaml:
        bundle = yaml.load(bundle_text, YAML_LOADER)
        charm = yaml.load(charm_text, YAML_LOADER)
    else:
        bundle = json.loads(bundle_text)
        charm = json.loads(charm_text)
    relations: dict[str, Any] = {endpoint: [] for endpoint in charm["provides"]}
    beacon = ""
    for one, other in bundle["relations"]:
        source, source_endpoint = one.split(":")
        target, endpoint = other.split(":")
        if source_endpoint == "service-mesh":
            beacon = target
        if bundle["applications"][target]["charm"] == charm["charm"]:
            application = SimpleNamespace(name=source)
            relations[endpoint].append(SimpleNamespace(app=application, name=endpoint))
    policies: list[Any] = [
        AppPolicy.model_validate({key: value for key, value in policy.items() if key != "kind"})
        for policy in charm["policies"]
    ]
    mesh_policies = build_mesh_policies(relations, "server", "model", policies)
    databag = json.dumps([policy.model_dump() for policy in mesh_policies])
    resources = build_policy_resources_istio(beacon, "model", mesh_policies)
    return databag, [msgspec.json.encode(item) for item in resources]


def main() -> None:
    """Print the times as JSON."""
    bundle_file, charm_file, runs, seconds = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    bundle, charm = Path(bundle_file).read_text(), Path(charm_file).read_text()
    is_yaml = bundle_file.endswith(".yaml")
    times: list[float] = []
    databag, wire = "[]", []
    deadline = time.perf_counter() + float(seconds)
    while len(times) < int(runs) or (time.perf_counter() < deadline and len(times) < 2000):
        databag, wire = "[]", []
        gc.collect()
        start = time.perf_counter()
        databag, wire = compile_text(bundle, charm, is_yaml)
        times.append((time.perf_counter() - start) * 1000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    compact = json.dumps(json.loads(databag), separators=(",", ":"))
    print(
        json.dumps(
            {
                "times": times,
                "peak": peak,
                "policies": len(wire),
                "databag": hashlib.sha256(compact.encode()).hexdigest(),
                "wire": hashlib.sha256(b"\n".join(wire)).hexdigest(),
            }
        )
    )


if __name__ == "__main__":
    main()
