from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cmdb.reconciliation.claims import NodeClaim
from importers.compose import Compose, project_of
from tests.importers.reading import assert_fits_model, faults, links, nodes, read, read_bytes

SHOP = b"""
name: shop
services:
  web:
    image: ${REGISTRY:-registry.example.com}/web:${TAG}
    depends_on: {db: {condition: service_healthy}, cache: {condition: service_started}}
    links: ["db:database", cache]
    environment: {DB_PASSWORD: hunter2, MODE: prod}
    env_file: .env
    networks: [front]
    volumes: ["data:/srv", "./local:/x", "/abs:/y", {type: volume, source: data, target: /z}]
    configs: [{source: settings, target: /etc/settings}]
    secrets: [db]
    ports: ["22:22", {target: 80, published: 8080, protocol: tcp}]
    deploy: {replicas: 3}
  db:
    image: postgres:16
    environment: ["POSTGRES_PASSWORD=hunter2", "PGDATA"]
  cache:
    build: .
networks: {front: {driver: bridge}, shared: {external: true, name: backbone}}
volumes: {data: }
configs: {settings: {file: ./settings}}
secrets: {db: {file: ./db.txt}}
"""


def test_a_project_becomes_claims(tmp_path: Path) -> None:
    items = read_bytes(Compose(), SHOP, tmp_path, "compose.yaml")
    assert faults(items) == []
    assert_fits_model(items)
    found = nodes(items)
    web = found["service:shop/web"]
    assert (web.class_name, web.name, web.where.row) == ("ContainerService", "web", 4)
    assert web.attributes == {
        "project": "shop",
        "image": "registry.example.com/web:${TAG}",
        "replicas": 3,
        "ports": ["22:22", "8080:80/tcp"],
        "variable_names": ["DB_PASSWORD", "MODE"],
    }
    assert found["network:backbone"].attributes == {}
    assert links(items, "DEPENDS_ON") == {
        ("service:shop/web", "service:shop/db"),
        ("service:shop/web", "service:shop/cache"),
    }
    assert links(items, "STORES_ON") == {("service:shop/web", "volume:shop/data")}
    assert links(items, "CONFIGURED_BY") == {("service:shop/web", "config:shop/settings")}
    assert links(items, "REFERENCES_SECRET") == {("service:shop/web", "secret:shop/db")}
    assert links(items, "IN_NETWORK") == {("service:shop/web", "network:shop/front")}
    assert "hunter2" not in repr(items)
    assert items == read(Compose(), tmp_path / "compose.yaml")


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        (b"services: [web]\n", 1, "`services` is a list, not a mapping"),
        (b"services:\n  web: text\n", 2, "service 'web' is text, not a mapping"),
        (b"services:\n  web: {image: [a]}\n", 2, "`image` is a list, not text"),
        (b"services:\n  web: {deploy: {replicas: many}}\n", 2, "`replicas` is no whole number"),
        (b"services:\n  web:\n    depends_on: [dbb]\n  db: {}\n", 3, "depends on 'dbb', which is no service"),
        (b"services:\n  web: {depends_on: [web]}\n", 2, "depends on itself"),
        (b"services:\n  web:\n    volumes: ['dat:/x']\nvolumes: {data: }\n", 3, "'dat' is not among the `volumes`"),
        (b"services:\n  web: {networks: [nett]}\n", 2, "'nett' is not among the `networks`"),
        (b"services:\n  web: {image: x}\n  web: {image: y}\n", 3, "'web' stands here again; first in line 2"),
        (b"- a\n", 1, "the document is a list, not a mapping"),
    ],
)
def test_faults_have_line_and_remedy(content: bytes, row: int, words: str, tmp_path: Path) -> None:
    errors = faults(read_bytes(Compose(), content, tmp_path, "compose.yaml"))
    assert [(error.where.row, words in error.message) for error in errors] == [(row, True)]
    assert errors[0].remedy


def test_a_near_miss_is_suggested(tmp_path: Path) -> None:
    content = b"services:\n  web: {depends_on: [databse]}\n  database: {}\n"
    assert faults(read_bytes(Compose(), content, tmp_path, "c.yaml"))[0].remedy == "did you mean 'database'?"


@pytest.mark.parametrize("key", ["extends: {service: x}", "external_links: [old_db]", "volumes_from: [x]"])
def test_what_is_not_followed_is_said(key: str, tmp_path: Path) -> None:
    content = f"services:\n  web:\n    {key}\ninclude: [other.yaml]\n".encode()
    said = [error.message for error in faults(read_bytes(Compose(), content, tmp_path, "c.yaml"), warnings=True)]
    assert any(key.partition(":")[0] in message for message in said)
    assert any("include" in message for message in said)


def test_a_secret_in_an_image_is_dropped(tmp_path: Path) -> None:
    content = b"services:\n  web: {image: 'https://u:hunter2@registry/x'}\n"
    items = read_bytes(Compose(), content, tmp_path, "c.yaml")
    assert "hunter2" not in repr([i for i in items if isinstance(i, NodeClaim)])
    assert "hunter2" not in repr(faults(items) + faults(items, warnings=True))


def test_an_override_adds_relationships_only(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("name: a\nservices: {web: {image: x}, db: {}}\n")
    (tmp_path / "compose.override.yaml").write_text("name: a\nservices: {web: {depends_on: [db]}, db: {}}\n")
    items = read(Compose(), tmp_path / "compose.yaml", tmp_path / "compose.override.yaml")
    assert_fits_model(items)
    assert links(items, "DEPENDS_ON") == {("service:a/web", "service:a/db")}


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("shop/docker-compose.yml", "shop"),
        ("shop/compose.prod.yaml", "shop"),
        ("x/robot.docker-compose.yml", "robot"),
        ("x/gitea-postgres.compose.yaml", "gitea-postgres"),
        ("x/stack.yml", "stack"),
    ],
)
def test_the_project_is_named_by_the_file_or_folder(name: str, project: str, tmp_path: Path) -> None:
    assert project_of(tmp_path / name) == project


def compose_files(shared_data: Path) -> list[Path]:
    files = sorted((shared_data / "discovery" / "compose").rglob("*.y*ml"))
    if not files:
        pytest.skip("no Compose files in the shared data")
    return files


def expected_edges(path: Path) -> set[tuple[str, str]]:
    whole: dict[str, dict[str, dict[str, list[str] | dict[str, object]]]] = yaml.safe_load(path.read_bytes())
    services = whole.get("services", whole)
    return {
        (name, str(other).partition(":")[0])
        for name, body in services.items()
        for field in ("depends_on", "links")
        for other in body.get(field) or []
    }


@pytest.mark.oracle
def test_real_files_give_their_edges(shared_data: Path) -> None:
    for path in compose_files(shared_data):
        items = read(Compose(), path)
        assert Compose().recognises(path)
        assert_fits_model(items)
        assert faults(items) == []
        found = {tuple(end.rpartition("/")[2] for end in pair) for pair in links(items, "DEPENDS_ON")}
        assert found == expected_edges(path), path.name


@pytest.mark.oracle
@pytest.mark.parametrize(("pattern", "edges"), [("*robot-shop*", 12), ("*pitstop*", 19)])
def test_the_stated_counts(pattern: str, edges: int, shared_data: Path) -> None:
    files = [path for path in compose_files(shared_data) if path.match(pattern)]
    if not files:
        pytest.skip(f"no {pattern} in the shared data")
    assert [len(links(read(Compose(), path), "DEPENDS_ON")) for path in files] == [edges] * len(files)
