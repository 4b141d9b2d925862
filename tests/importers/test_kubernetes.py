from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cmdb.reconciliation.claims import Where
from importers.kubernetes import Kubernetes
from importers.kubernetes.addresses import services_in
from importers.kubernetes.facts import Ref, Variable
from tests.importers.reading import assert_fits_model, faults, links, nodes, read, read_bytes

SHOP = b"""
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: shop}
  spec:
    replicas: 2
    template:
      metadata: {labels: {app: web, tier: front}}
      spec:
        serviceAccountName: robot
        imagePullSecrets: [{name: registry}]
        containers:
        - name: web
          image: registry.example.com/web:1
          ports: [{containerPort: 80}]
          env:
          - {name: CART_ADDR, value: "cart:7070"}
          - {name: CART_URL, value: "http://cart.shop.svc.cluster.local:7070/v1"}
          - {name: DB_HOST, value: db}
          - {name: MODE, value: db}
          - {name: ALL_BROKERS, value: "kafka-0.kafka:9092,redis.data:6379"}
          - {name: DSN, value: "mongodb://root:hunter2@mongo.data:27017/x"}
          - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
          envFrom: [{configMapRef: {name: settings}}]
          volumeMounts: [{name: conf, mountPath: /etc/web}]
        volumes:
        - {name: conf, configMap: {name: settings}}
        - {name: tls, secret: {secretName: tls}}
        - {name: data, persistentVolumeClaim: {claimName: data}}
- apiVersion: v1
  kind: Service
  metadata: {name: web, namespace: shop}
  spec: {selector: {app: web}, ports: [{port: 80}]}
- {apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {selector: {app: cart}}}
- {apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop}, spec: {selector: {app: db}}}
- {apiVersion: v1, kind: Service, metadata: {name: redis, namespace: data}}
- {apiVersion: v1, kind: Service, metadata: {name: mongo, namespace: data}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{image: "postgres:16", env: [{name: SELF_ADDR, value: "db:5432"}]}]}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], storageClassName: fast}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {url: "postgres://root:hunter2@db", b: x}
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
type: Opaque
data: {password: aHVudGVyMg==}
stringData: {other: hunter2}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: shop}
spec:
  tls: [{secretName: tls}]
  rules: [{host: shop.example.com, http: {paths: [{backend: {service: {name: web}}}]}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: night, namespace: shop}
spec:
  schedule: "0 1 * * *"
  jobTemplate:
    spec: {template: {spec: {containers: [{image: "job:1", env: [{name: WEB_URL, value: "http://web"}]}]}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}}
"""


def test_manifests_become_claims(tmp_path: Path) -> None:
    items = read_bytes(Kubernetes(), SHOP, tmp_path, "a.yaml")
    assert faults(items) == []
    assert_fits_model(items)
    found = nodes(items)
    web = found["Deployment:shop/web"]
    assert (web.class_name, web.name, web.where.row) == ("Deployment", "web", 7)
    assert web.attributes["replicas"] == 2
    assert web.attributes["namespace"] == "shop"
    variables = ["ALL_BROKERS", "CART_ADDR", "CART_URL", "DB_HOST", "DB_PASSWORD", "DSN", "MODE"]
    assert web.attributes["variable_names"] == variables
    assert links(items, "DEPENDS_ON") == {
        ("Deployment:shop/web", "Service:shop/cart"),
        ("Deployment:shop/web", "Service:shop/db"),
        ("Deployment:shop/web", "Service:data/redis"),
        ("Deployment:shop/web", "Service:data/mongo"),
        ("CronJob:shop/night", "Service:shop/web"),
    }
    assert links(items, "ROUTES_TO") == {
        ("Service:shop/web", "Deployment:shop/web"),
        ("Service:shop/db", "StatefulSet:shop/db"),
        ("Ingress:shop/front", "Service:shop/web"),
    }
    assert links(items, "CONFIGURED_BY") == {("Deployment:shop/web", "ConfigMap:shop/settings")}
    assert links(items, "REFERENCES_SECRET") == {
        ("Deployment:shop/web", "Secret:shop/db"),
        ("Deployment:shop/web", "Secret:shop/tls"),
        ("Deployment:shop/web", "Secret:shop/registry"),
        ("Ingress:shop/front", "Secret:shop/tls"),
    }
    assert links(items, "STORES_ON") == {
        ("Deployment:shop/web", "PersistentVolumeClaim:shop/data"),
        ("StatefulSet:shop/db", "PersistentVolumeClaim:shop/data-db"),
    }
    assert found["Secret:shop/db"].attributes["entry_names"] == ["other", "password"]
    assert found["CronJob:shop/night"].attributes["schedule"] == "0 1 * * *"
    assert items == read(Kubernetes(), tmp_path / "a.yaml")


def test_no_value_of_a_secret_or_variable_is_kept(tmp_path: Path) -> None:
    said = repr(read_bytes(Kubernetes(), SHOP, tmp_path, "a.yaml"))
    assert "hunter2" not in said
    assert "aHVudGVyMg" not in said


def test_what_is_not_described_is_claimed_by_name_and_said(tmp_path: Path) -> None:
    items = read_bytes(Kubernetes(), SHOP, tmp_path, "a.yaml")
    said = [warning.message for warning in faults(items, warnings=True)]
    assert "PersistentVolumeClaim 'data' is referred to, but no manifest describes it" in said
    assert "objects of kind 'Role' are not read" in said
    assert nodes(items)["PersistentVolumeClaim:shop/data"].attributes == {"namespace": "shop"}


def test_a_cluster_is_joined_when_it_is_known(tmp_path: Path) -> None:
    items = read_bytes(Kubernetes("fra-1"), SHOP, tmp_path, "a.yaml")
    assert_fits_model(items)
    assert nodes(items)["Deployment:shop/web"].attributes["cluster_name"] == "fra-1"
    assert ("Deployment:shop/web", "Cluster:fra-1") in links(items, "RUNS_ON")


def test_files_are_read_together(tmp_path: Path) -> None:
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"
    a.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: x}}\n")
    b.write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: x, v: '1'}}\nspec: {}\n")
    assert links(read(Kubernetes(), a, b), "ROUTES_TO") == {("Service:default/s", "Pod:default/p")}
    assert links(read(Kubernetes(), b, a), "ROUTES_TO") == {("Service:default/s", "Pod:default/p")}


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        (b"kind: Pod\nmetadata: {}\n", 2, "a Pod without a name"),
        (b"apiVersion: v1\nmetadata: {name: x}\n", 1, "no `kind`"),
        (b"kind: Pod\nmetadata: [x]\n", 2, "`metadata` is a list"),
        (b"kind: Pod\nmetadata: {name: p}\nspec:\n  containers: {a: b}\n", 4, "`containers` is a mapping, not a list"),
        (b"kind: Pod\nmetadata: {name: p}\n---\nkind: Pod\nmetadata: {name: p}\n", 5, "described again; first in"),
        (b"kind: Deployment\nmetadata: {name: p}\nspec: {replicas: -1}\n", 3, "`replicas` is no whole number"),
        (
            b"kind: Deployment\nmetadata: {name: '{{ .Values.x }}'}\nspec: {{ .Values.y }}\n",
            3,
            "a key is a list or a mapping",
        ),
    ],
)
def test_faults_have_line_and_remedy(content: bytes, row: int, words: str, tmp_path: Path) -> None:
    errors = faults(read_bytes(Kubernetes(), content, tmp_path, "a.yaml"))
    assert (errors[0].where.row, words in errors[0].message, bool(errors[0].remedy)) == (row, True, True)


CART, OTHER = Ref("Service", "shop", "cart"), Ref("Service", "data", "cart")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CART_ADDR", "cart:7070", [CART]),
        ("X", "http://cart", [CART]),
        ("X", "cart.data:80", [OTHER]),
        ("X", "cart.data.svc.cluster.local", [OTHER]),
        ("CART_HOST", "cart", [CART]),
        ("APP", "cart", []),
        ("X", "cart.example.com:80", []),
        ("NEW_ADDR", "new:80", [Ref("Service", "shop", "new")]),
        ("RUN_AS", "new:1000", []),
        ("X", "new.other.svc", [Ref("Service", "other", "new")]),
        ("X_ADDR", "localhost:80", []),
        ("X_ADDR", "10.0.0.1:80", []),
        ("X_ADDR", "0.0.0.0:80", []),
        ("CART_PASSWORD", "cart:80", []),
        ("X_URL", "jdbc:mysql://cart:3306/db?x=1", [CART]),
        ("BROKERS", "cart:1, cart.data:2", [CART, OTHER]),
        ("X_ADDR", "$(CART_HOST):80", []),
    ],
)
def test_services_in_a_variable(name: str, value: str, expected: list[Ref]) -> None:
    variable = Variable(name, value, Where("a.yaml"))
    assert list(services_in(variable, "shop", {CART, OTHER})) == expected


def manifests(shared_data: Path) -> list[list[Path]]:
    folders = sorted((shared_data / "discovery" / "kubernetes").glob("*"))
    if not folders:
        pytest.skip("no manifests in the shared data")
    return [sorted(folder.rglob("*.y*ml")) for folder in folders]


@pytest.mark.oracle
def test_real_manifests_give_the_callers_their_variables_name(shared_data: Path) -> None:
    for files in manifests(shared_data):
        items = read(Kubernetes(), *files)
        assert_fits_model(items)
        assert faults(items) == []
        calls = {tuple(end.rpartition("/")[2] for end in pair) for pair in links(items, "DEPENDS_ON")}
        missing = expected_calls(files) - calls
        assert missing == set(), files


def expected_calls(files: list[Path]) -> set[tuple[str, str]]:
    """From each deployment to each `name:port` among its variables, computed with plain YAML."""
    return {
        (document["metadata"]["name"], address[1])
        for path in files
        for document in yaml.safe_load_all(path.read_bytes())
        if document and document["kind"] == "Deployment"
        for container in document["spec"]["template"]["spec"]["containers"]
        for variable in container.get("env", [])
        if (address := re.fullmatch(r"([a-z][a-z0-9-]*):\d+", str(variable.get("value", ""))))
    }


@pytest.mark.oracle
def test_the_stated_count_of_online_boutique(shared_data: Path) -> None:
    files = sorted((shared_data / "discovery" / "kubernetes").glob("*online*boutique*/*kubernetes*.y*ml"))
    if not files:
        pytest.skip("no Online Boutique in the shared data")
    calls = links(read(Kubernetes(), *files), "DEPENDS_ON")
    assert len(calls) == 17
    assert {tuple(end.rpartition("/")[2] for end in pair) for pair in calls} == expected_calls(files)


def test_what_has_no_namespace_is_one_thing_however_it_is_named(tmp_path: Path) -> None:
    content = b"""
{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv1}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c1, namespace: shop}, spec: {volumeName: pv1}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
"""
    items = read_bytes(Kubernetes(), content, tmp_path, "volumes.yaml")
    assert faults(items) + faults(items, warnings=True) == []
    assert list(nodes(items)) == ["PersistentVolume:pv1", "PersistentVolumeClaim:shop/c1", "Namespace:shop"]
    assert len(items) == len(nodes(items)) + 2
