from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cmdb.reconciliation.claims import RowError
from importers.text import Bounds
from importers.yaml_source import ALIAS_ALLOWANCE, DEEPEST, Document, Yaml, YamlMap, documents


def parsed(content: bytes, folder: Path) -> tuple[list[Yaml], list[RowError]]:
    path = folder / "a.yaml"
    path.write_bytes(content)
    found = list(documents(path))
    return [d.value for d in found if isinstance(d, Document)], [e for e in found if isinstance(e, RowError)]


def error_of(content: bytes, folder: Path) -> RowError:
    _, errors = parsed(content, folder)
    assert len(errors) == 1
    assert errors[0].remedy
    return errors[0]


def test_scalars_stay_as_written(tmp_path: Path) -> None:
    values, errors = parsed(b'v: 3.10\np: 22:22\nb: no\nn: ~\ne:\nq: "null"\non: 0o17\n', tmp_path)
    assert not errors
    assert values == [{"v": "3.10", "p": "22:22", "b": "no", "n": None, "e": None, "q": "null", "on": "0o17"}]


def test_documents_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# c\na: 1\nb:\n- x\n- y: 2\n---\nsecond\n...\n")
    first, second = [d for d in documents(path) if isinstance(d, Document)]
    assert isinstance(first.value, YamlMap)
    assert first.value.rows == {"a": 2, "b": 3}
    assert (first.row, second.row, second.value) == (2, 7, "second")


def test_merges_and_aliases(tmp_path: Path) -> None:
    values, errors = parsed(b"a: &a {x: 1, y: 1}\nb: {<<: *a, y: 2}\nc: {<<: [*a, {z: 3}]}\nd: *a\n", tmp_path)
    assert not errors
    assert values == [
        {
            "a": {"x": "1", "y": "1"},
            "b": {"y": "2", "x": "1"},
            "c": {"x": "1", "y": "1", "z": "3"},
            "d": {"x": "1", "y": "1"},
        }
    ]


def test_duplicate_keys_name_both_lines(tmp_path: Path) -> None:
    values, errors = parsed(b"a: 1\nb:\n  c: 1\n  c:\n    2\na: 3\n", tmp_path)
    assert [(e.where.row, e.message) for e in errors] == [
        (4, "the key 'c' stands here again; first in line 3"),
        (6, "the key 'a' stands here again; first in line 1"),
    ]
    assert values == [{"a": "1", "b": {"c": "1"}}]


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        (b"a: 1\nb: [1\n", 3, "no YAML"),
        (b"a: b: c\n", 1, "no YAML"),
        (b"x: 1\ny: *nothing\n", 2, "no anchor 'nothing'"),
        (b"x: 1\ny: &y [*y]\n", 2, "contains itself"),
        (b"a: 1\nb: \xe9t\xe9\n", 3, "byte 9"),
        (b"a: \x00\n", 2, "byte 3"),
        (b"? [1, 2]\n: x\n", 1, "a key is a list"),
        (b"<<: text\n", 1, "no mapping"),
        (b"[" * 100_000, 1, f"deeper than {DEEPEST}"),
        (b"- " * 5_000, 1, f"deeper than {DEEPEST}"),
        (b"x: " + b"a" * 2_000_000, 1, "longer than 1 MiB"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(content: bytes, row: int, words: str, tmp_path: Path) -> None:
    error = error_of(content, tmp_path)
    assert words in error.message
    assert abs(error.where.row - row) <= 1


def test_aliases_may_not_explode(tmp_path: Path) -> None:
    bomb = b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    for i in range(1, 10):
        bomb += b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9))
    assert "aliases repeat" in error_of(bomb, tmp_path).message
    values, errors = parsed(b"a: &a [1, 2]\nb: [" + b"*a," * (ALIAS_ALLOWANCE // 20) + b"]", tmp_path)
    assert not errors
    assert len(values) == 1


def test_nesting_through_aliases_counts(tmp_path: Path) -> None:
    chain = b"a0: &a0 x\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (i, i, i - 1) for i in range(1, DEEPEST + 2))
    assert "deeper" in error_of(chain, tmp_path).message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark_are_read(encoding: str, tmp_path: Path) -> None:
    assert parsed("名称: 值\n".encode(encoding), tmp_path) == ([{"名称": "值"}], [])


def test_the_file_bound_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"- x\n" * 100_000)
    errors = [e for e in documents(path, bounds=Bounds(1 << 17, None)) if isinstance(e, RowError)]
    assert [e.message for e in errors] == ["the content is larger than 128 KiB"]


PLAIN = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(lambda t: t not in {"null", "y", "n"})
TREES = st.recursive(PLAIN, lambda t: st.lists(t, max_size=4) | st.dictionaries(PLAIN, t, max_size=4), max_leaves=20)


@given(TREES)
def test_what_another_library_writes_is_read_back(tree: object) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        values, errors = parsed(yaml.safe_dump(tree).encode(), Path(folder))
    assert not errors
    assert values == [tree]
