"""The words and numbers that generated requests are made of."""

from __future__ import annotations

from typing import Any

Json = Any

APPS = [
    "alertmanager",
    "catalogue",
    "dex-auth",
    "grafana",
    "istio-beacon-k8s",
    "katib-ui",
    "loki",
    "minio",
    "mlflow-server",
    "otel-collector",
    "postgresql-k8s",
    "prometheus-k8s",
    "tempo",
    "traefik",
    "x",
    "a0",
    "app-with-a-rather-long-name-to-fill-labels-quickly",
]
MODELS = [
    "cos",
    "cos-lite",
    "kubeflow",
    "istio-system",
    "m",
    "prod-eu-west-1",
    "test-model-7f3a",
    "a-model-with-a-name-as-long-as-kubernetes-lets-a-namespace-be-63",
]
ENDPOINTS = ["data", "metrics", "metrics-endpoint", "ingress", "grafana-source", "logging"]
SERVICES = ["grafana-service", "db-primary", "svc", "prometheus-k8s-endpoints"]
METHODS = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]
PORTS = [80, 443, 3000, 5432, 8080, 8443, 9090, 9093, 15014, 15090]
EDGE_PORTS = [0, 1, 65535, 65536, 99999, -1, -80, 2**31, 2**53 + 1, 2**63 - 1]
LAX_PORTS = [
    "8080",
    " 8080 ",
    "+80",
    "-80",
    "0080",
    "8_080",
    "80.0",
    "80.00",
    "0",
    "-0",
    "\t443\n",
    8080.0,
    0.0,
    -0.0,
    1e15,
    True,
    False,
    "\u00a080",
    "\u200780",
]
BAD_PORTS = [
    "",
    " ",
    "http",
    "80.5",
    "80.",
    ".0",
    "1e3",
    "0x50",
    "8__0",
    "_80",
    "80_",
    "1 2",
    "+ 1",
    "--1",
    "\uff18\uff10",
    "\u0668\u0660",
    "True",
    "80\u200b",
    "\x1f80",
    "1.0_0",
    80.5,
    1e19,
    1e300,
    None,
    [80],
    {"port": 80},
    [],
    # Corners of how pydantic reads an integer from text: what may follow a leading zero.
    "0-8",
    "-0-8",
    "0__8",
    "-0_8",
    "0_",
    "0_.0",
    "0_0.0",
    "0-08",
    "0" * 4400 + "1",
    # The largest and the smallest float around the bounds of 64 bits.
    9223372036854774784.0,
    9223372036854775808.0,
    -9223372036854774784.0,
    -9223372036854775808.0,
    5e-324,
]
BIG_INTS = [
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    -(10**40),
    str(2**64),
    str(10**25) + ".0",
    # Python reads at most 4,300 digits.
    "1" * 4300,
    "1" * 4301,
    " " + "1" * 4301,
    "1" * 4301 + "x",
]
BAD_METHODS = ["get", "Get", "GET ", "PURGE", "*", "", None, 1, True, ["GET"], "Method.get"]
PATHS = [
    "/",
    "/metrics",
    "/api/v1/*",
    "*/healthz",
    "*",
    "/{*}",
    "/{**}",
    "/a/{*}/b",
    "",
    "relative",
    "/q?x=1&y=2",
    "/it's",
    '/say "hi"',
    "/both'\"",
    "/back\\slash",
    "/tab\there",
    "/%2e%2e/",
]
HOSTS = [
    "example.com",
    "*.example.com",
    "*",
    "example.com:*",
    "app.model.svc.cluster.local",
    "",
    "10.0.0.1",
    "[::1]:80",
    "EXAMPLE.com",
]
# Each probes a rule of Python's repr(), json.dumps() or both.
UNICODE = [
    "na\u00efve",
    "\u65e5\u672c\u8a9e",
    "\u043c\u043e\u0434\u0435\u043b\u044c",
    "e\u0301",
    "\U0001f600",
    "\u200b",
    "\u2028",
    "\u00a0",
    "\u00ad",
    "\ue000",
    "\u0378",
    "\ufeff",
    "\x7f",
    "\x00",
    "\x1b[0m",
    "\u200f\u05d0",
    "\U000e0001",
    "\U0010ffff",
    "\u3000",
    "\u0600",
    "\x85",
    "it's",
    'say "hi"',
    'it\'s "both"',
    "back\\slash",
    "new\nline",
    "\r\t\b\f",
]
# Unassigned in Python 3.11's Unicode 14, assigned later.
VERSIONED_UNICODE = ["\U0001fae8", "\U0001f6dc", "\u0cf3", "\U00031350"]
SURROGATES = ["\ud800", "\udfff", "a\udc80b"]
WRONG_TYPES: list[Json] = [None, 0, 1, -1, 1.5, True, False, "", "x", [], {}, [None], {"a": None}]
MESH_LABELS = [
    {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "beacon-waypoint"},
    {"istio-injection": "enabled"},
    {"istio.io/dataplane-mode": "ambient"},
    {},
]
HTTP_FAILURES = [400, 401, 403, 404, 409, 422, 429, 500, 503]
