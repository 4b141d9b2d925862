from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cmdb.reconciliation.claims import Item, NodeClaim, RelationshipClaim
from graph_schema.values import normalise
from importers.debian import Debian
from importers.debian.clauses import VERSION, version_key
from tests.importers.reading import assert_fits_model, faults, links, model, nodes, read, read_bytes

SUITE = b"""\
Package: web
Version: 2:1.0-1
Architecture: amd64
Section: httpd
Description: serves files, x
 and more
Homepage: https://web.example.com/
Pre-Depends: libc (>= 2.34)
Depends: cache | memory (<< 2), adduser |
 passwd, runtime:any, mta, httpd,
 libc, libc (<< 3) , missing (= 1)
Recommends: nothing
Provides: httpd, web-api (= 3)

Package: libc
Version: 2.36-9
Architecture: amd64
Multi-Arch: same

Package: cache
Version: 1
Architecture: all
Depends: web-api (>= 3), web-api (>> 3) | libc

Package: memory
Version: 1.9~rc1
Architecture: amd64

Package: adduser
Version: 3.1
Architecture: all

Package: passwd
Version: 4.1
Architecture: amd64

Package: runtime
Version: 3.11
Architecture: amd64
Multi-Arch: allowed

Package: postbox
Version: 1
Architecture: all
Provides: mta

Package: courier
Version: 1
Architecture: amd64
Provides: mta (= 2)
Depends: mta (>= 2)
"""


def key(name: str, version: str = "1", architecture: str = "amd64") -> str:
    return f"package:{name}/{version}/{architecture}"


def stanza(name: str, *fields: str) -> str:
    return "\n".join([f"Package: {name}", "Version: 1", *fields, ""])


def suite(*stanzas: str) -> bytes:
    return "\n".join(stanzas).encode()


def needs(items: list[Item], name: str) -> dict[str, set[str]]:
    """What a package needs: by pool, with "" for what has none, the names of the providers."""
    names = {claim.source_key: claim.name for claim in nodes(items).values()}
    found: dict[str, set[str]] = {}
    for item in items:
        if isinstance(item, RelationshipClaim) and names[str(item.source)] == name:
            assert item.key == item.attributes.get("pool", "")
            found.setdefault(item.key, set()).add(names[str(item.target)])
    return found


def test_a_suite_becomes_claims(tmp_path: Path) -> None:
    items = read_bytes(Debian(), SUITE, tmp_path, "Packages")
    assert faults(items) == []
    assert_fits_model(items)
    web = nodes(items)[key("web", "2:1.0-1")]
    assert (web.class_name, web.name, web.where.row) == ("Package", "web", 1)
    assert web.attributes == {
        "ecosystem": "deb",
        "version_number": "2:1.0-1",
        "architecture": "amd64",
        "description": "serves files, x",
        "url": "https://web.example.com/",
        "redundancy": ["(cache | memory)=any", "(adduser | passwd)=any", "(mta)=any"],
    }
    assert needs(items, "web") == {
        "": {"libc", "runtime"},
        "(cache | memory)": {"cache", "memory"},
        "(adduser | passwd)": {"adduser", "passwd"},
        "(mta)": {"postbox", "courier"},
    }
    assert needs(items, "cache") == {"": {"web", "libc"}}
    assert needs(items, "courier") == {}
    [unmet] = faults(items, warnings=True)
    assert (unmet.where.row, "'web' needs 'missing (= 1)'" in unmet.message, bool(unmet.remedy)) == (9, True, True)
    assert items == read(Debian(), tmp_path / "Packages")


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        ("x", {"x", "virtual", "versioned"}),
        ("x (>= 1)", {"x", "versioned"}),
        ("x (= 2)", {"versioned"}),
        ("x (<< 2)", {"x"}),
        ("x (>> 1)", {"versioned"}),
        ("x (<= 1)", {"x"}),
        ("x (< 1)", {"x"}),
        ("x (> 2)", {"versioned"}),
        ("x(>=1:0)", set[str]()),
        ("x (= 2) | x (= 1)", {"x", "versioned"}),
        ("self | x", set[str]()),
    ],
)
def test_restrictions_and_provides_are_as_in_policy(wanted: str, met: set[str], tmp_path: Path) -> None:
    content = suite(
        stanza("x"),
        stanza("virtual", "Provides: x"),
        stanza("versioned", "Provides: x (= 2)"),
        stanza("self", f"Depends: {wanted}"),
    )
    found = needs(read_bytes(Debian(), content, tmp_path, "Packages"), "self")
    assert {name for members in found.values() for name in members} == met


@pytest.mark.parametrize(
    ("qualifier", "met"),
    [
        ("", {"native", "everywhere", "foreign"}),
        (":any", {"native", "everywhere", "allowed"}),
        (":arm64", {"everywhere", "foreign", "allowed", "other"}),
        (":amd64", {"native", "everywhere"}),
    ],
)
def test_architectures_have_to_fit(qualifier: str, met: set[str], tmp_path: Path) -> None:
    content = suite(
        stanza("native", "Architecture: amd64", "Provides: x"),
        stanza("everywhere", "Architecture: all", "Provides: x"),
        stanza("foreign", "Architecture: arm64", "Multi-Arch: foreign", "Provides: x"),
        stanza("allowed", "Architecture: arm64", "Multi-Arch: allowed", "Provides: x"),
        stanza("other", "Architecture: arm64", "Multi-Arch: same", "Provides: x"),
        stanza("app", "Architecture: amd64", f"Depends: x{qualifier}"),
    )
    assert needs(read_bytes(Debian(), content, tmp_path, "Packages"), "app") == {"(x)": met}


def test_two_versions_of_a_package_are_two_nodes(tmp_path: Path) -> None:
    old, new = "Package: x\nVersion: 1\n", "Package: x\nVersion: 2\n"
    content = suite(old, new, stanza("app", "Depends: x, x (>= 1), x (>= 2)"), new)
    items = read_bytes(Debian(), content, tmp_path, "Packages")
    assert_fits_model(items)
    assert links(items, "DEPENDS_ON") == {("package:app/1", "package:x/1"), ("package:app/1", "package:x/2")}
    assert {name: len(members) for name, members in needs(items, "app").items()} == {"(x)": 1, "": 1}
    [again] = faults(items, warnings=True)
    assert (again.where.row, "first 'x'" in again.message) == (11, True)


def test_pools_have_names_that_fit_and_differ(tmp_path: Path) -> None:
    long = [f"package-of-a-rather-long-name-{number}" for number in range(9)]
    clauses = [
        "x | y",
        "x | y (>= 1) | y-but (<< 9)",
        "x (= 1) | y | z",
        "x | z | y",
        " | ".join(long),
        " | ".join(long[:8]),
    ]
    clauses += ["x | z", "x | z (= 1)", "z | x", "x | w", "x | w (>= 2)"]
    others = [stanza(name) for name in ("w", "x", "y", "z", "y-but", *long)]
    content = suite(stanza("app", f"Depends: {', '.join(clauses)}"), "Package: w\nVersion: 2\n", *others)
    items = read_bytes(Debian(), content, tmp_path, "Packages")
    assert_fits_model(items)
    pools = needs(items, "app")
    pool = next(a for a in model().type_by_name["DEPENDS_ON"].attributes if a.name == "pool")
    assert [normalise(pool, name) for name in pools] == list(pools)
    assert [name for name in pools if "long" not in name] == [
        "(x | y)",
        "(x | y | y-but)",
        "(x | y | z)",
        "(x | z)",
        "(x | w)",
        "(x | w) 2",
    ]
    assert len(pools) == 8
    assert nodes(items)["package:app/1"].attributes["redundancy"] == [f"{name}=any" for name in pools]


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        (b"Package: x\nVersion: 1\nnonsense\n", 3, "'nonsense' is no `Field: value`"),
        (b" folded\nPackage: x\nVersion: 1\n", 1, "' folded' is no `Field: value`"),
        (b"Package: x\nVersion: 1\nVersion: 2\n", 3, "'Version' stands twice"),
        (b"Version: 1\nSource: x\n", 1, "the stanza has no Package"),
        (b"Package: x\n", 1, "the stanza has no Version"),
        (b"Package: a b\nVersion: 1\n", 1, "'a b' is no Package"),
        (b"Package: x\nVersion: a:b\n", 2, "'a:b' is no Version"),
        (b"Package: x\nVersion: 1\nArchitecture: amd 64\n", 3, "'amd 64' is no Architecture"),
        (b"Package: x\nVersion: 1\nDepends: y (=> 1)\n", 3, "depends on 'y (=> 1)', which cannot be read"),
        (b"Package: x\nVersion: 1\nDepends: a ||b\n", 3, "depends on 'a ||b', which cannot be read"),
        (b"Package: x\nVersion: 1\nProvides: a | b\n", 3, "provides 'a | b', which names no package"),
        (b"Package: x\nVersion: 1\nProvides: y (>= 1)\n", 3, "provides 'y (>= 1)', which names no package"),
    ],
)
def test_faults_have_line_and_remedy(content: bytes, row: int, words: str, tmp_path: Path) -> None:
    good = b"\n" + stanza("good").encode()
    items = read_bytes(Debian(), content + good, tmp_path, "Packages")
    [error] = faults(items)
    assert (error.where.row, words in error.message, bool(error.remedy)) == (row, True, True), error
    assert "package:good/1" in nodes(items)


def test_a_name_that_all_provide_ends(tmp_path: Path) -> None:
    content = suite(*(stanza(f"p{number}", "Provides: x", "Depends: x") for number in range(1_010)))
    errors = faults(read_bytes(Debian(), content, tmp_path, "Packages"))
    assert len(errors) == 10
    assert "'x'" in errors[0].message


def test_an_endless_stanza_stops_early(tmp_path: Path) -> None:
    content = b"Package: x\nVersion: 1\nDescription: y\n" + b" more\n" * (1 << 20)
    [error] = faults(read_bytes(Debian(), gzip.compress(content), tmp_path, "Packages.gz"))
    assert "the stanza is longer than 4 MiB" in error.message


@pytest.mark.parametrize(
    "packed",
    [SUITE, gzip.compress(SUITE), lzma.compress(SUITE), zstandard.compress(SUITE), lzma.compress(SUITE) + b"\0" * 8],
    ids=["plain", "gzip", "xz", "zstandard", "padded xz"],
)
def test_packed_indexes_are_recognised_and_read(packed: bytes, tmp_path: Path) -> None:
    items = read_bytes(Debian(), packed, tmp_path, "Packages")
    assert Debian().recognises(tmp_path / "Packages")
    assert len(nodes(items)) == 9


def test_parts_of_xz_follow_each_other(tmp_path: Path) -> None:
    middle = SUITE.index(b"Package: memory")
    packed = lzma.compress(SUITE[:middle]) + b"\0" * 4 + lzma.compress(SUITE[middle:])
    assert len(nodes(read_bytes(Debian(), packed, tmp_path, "Packages.xz"))) == 9


@pytest.mark.parametrize(
    "packed",
    [
        lzma.compress(SUITE)[:-20],
        lzma.compress(SUITE)[:100] + b"?" * 100,
        lzma.compress(SUITE) + b"rest",
        lzma.compress(SUITE, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]),
    ],
    ids=["cut off", "altered", "something behind it", "a dictionary of a gigabyte"],
)
def test_damaged_xz_is_an_error(packed: bytes, tmp_path: Path) -> None:
    [error] = faults(read_bytes(Debian(), packed, tmp_path, "Packages.xz"))
    assert "compressed data is damaged" in error.message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Package: x\n",
        b"Package: x\nStatus: install ok installed\nVersion: 1\n",
        b"Origin: Debian\nSuite: stable\n",
        b"Package: x\n\nVersion: 1\n",
        bz2.compress(SUITE),
        lzma.compress(SUITE)[:30],
    ],
)
def test_other_files_are_not_recognised(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "Packages"
    path.write_bytes(content)
    assert not Debian().recognises(path)


def test_secrets_are_neither_kept_nor_seen_in_names(tmp_path: Path) -> None:
    content = suite(
        stanza("app", "Depends: adduser | passwd, libsecret | token", "Homepage: https://u:hunter2@example.com/"),
        *(stanza(name) for name in ("adduser", "passwd", "libsecret", "token")),
    )
    items = read_bytes(Debian(), content, tmp_path, "Packages")
    assert "hunter2" not in repr([item for item in items if isinstance(item, NodeClaim)])
    assert len(nodes(items)) == 5
    assert nodes(items)["package:app/1"].attributes["redundancy"] == [
        "(adduser | passwd)=any",
        "(libsecret | token)=any",
    ]


ORDERED = "0~~ 0~~a 0~ 0 0a 0+ 1.0~rc1-1 1.0-1~bpo1 1.0-1 1.0-1+b2 1.0-1.1 1.0a 1.0+x 1.0.1 1.9 1.10 1:0.1 2:0~".split()


def test_versions_are_ordered_as_in_policy() -> None:
    assert [(a, b) for a, b in pairwise(ORDERED) if not version_key(a) < version_key(b)] == []
    assert version_key("0:1.0-0") == version_key("1.00") == version_key("1.")


def versions() -> st.SearchStrategy[str]:
    part = st.text("0123459abzAZ.+~", max_size=6)
    epoch, upstream = st.sampled_from(["", "0:", "1:"]), st.tuples(st.sampled_from("0129"), part).map("".join)
    revision = st.just("") | part.filter(bool).map("-{}".format)
    return st.tuples(epoch, upstream, revision).map("".join)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="there is no dpkg here to ask")
@given(a=versions(), b=versions())
def test_versions_are_ordered_as_by_dpkg(a: str, b: str) -> None:
    assert re.fullmatch(VERSION, a)
    for relation, holds in (("lt", version_key(a) < version_key(b)), ("eq", version_key(a) == version_key(b))):
        asked = subprocess.run(["dpkg", "--compare-versions", a, relation, b], check=False, capture_output=True)
        assert (asked.returncode == 0) == holds
        assert asked.stderr == b""
