"""The quick decision about changed attributes is the careful one, or none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmdb.changeset import ChangeSet, Patch, Put
from cmdb.errors import Conflict, Invalid
from cmdb.nodes import Node
from cmdb.store.port import Counters
from cmdb.writing.checking import Checks, checked_attributes
from cmdb.writing.deciding import Decision, decide
from cmdb.writing.plain import plain_changes
from cmdb.writing.view import View
from tests.reference.model import MODEL

CHECKS = Checks(MODEL)


def node(ordinal: int, class_name: str, state: str = "in_use", **attributes: str | int) -> Node:
    return Node(
        ordinal=ordinal,
        id=str(ordinal),
        key=f"X-{ordinal}",
        class_name=class_name,
        name=f"svc-{ordinal}",
        state=state,
        retired=state == "dismantled",
        attributes=dict(attributes),
        version=1 + ordinal,
        since=1,
    )


NODES = (
    node(0, "Server"),
    node(1, "Server", count=1, note="one", tier="gold"),
    node(2, "Server", serial="S2"),
    node(3, "Service", owner="Ann", note="three"),
    node(4, "Service", note="made before owners were required"),
    node(5, "Server", "dismantled"),
)
VIEW = View(
    counters=Counters(ordinal=len(NODES), relationship=0, numbers={}),
    nodes={n.ordinal: n for n in NODES},
    ends={n.ordinal: (n.class_name, n.retired) for n in NODES},
    relationships={},
)
PLAIN: list[Patch] = [{"count": 1}, {"count": 2, "note": "two"}, {"note": None}, {"tier": "silver", "note": "one"}]
ODD: list[Patch] = [
    {},
    {"count": "7"},
    {"count": "x"},
    {"tier": "tin"},
    {"serial": "S1"},
    {"owner": None},
    {"nonsense": 1},
]

patches = st.sampled_from([*PLAIN, *PLAIN, *ODD])
puts = st.builds(
    Put,
    node=st.sampled_from([0, 1, 3, 0, 1, 3, 2, 4, 5, 6]),
    class_name=st.sampled_from([None, None, None, "Server"]),
    name=st.sampled_from([None, None, None, None, "svc-other"]),
    state=st.sampled_from([None, None, None, None, "in_use"]),
    attributes=patches,
    expects=st.sampled_from([None, None, None, 2]),
)


def decided(change_set: ChangeSet) -> Decision | None:
    """What the careful way decides; None for a problem or a conflict."""
    try:
        return decide(CHECKS, VIEW, change_set)
    except (Conflict, Invalid):
        return None


@given(st.lists(puts, max_size=4))
def test_the_quick_decision_is_the_careful_one_or_none(operations: list[Put]) -> None:
    change_set = ChangeSet(tuple(operations))
    quick = plain_changes(CHECKS, VIEW, change_set)
    assert quick is None or quick == decided(change_set)


@given(st.lists(st.tuples(st.sampled_from([0, 1, 3]), st.sampled_from(PLAIN)), unique_by=lambda pair: pair[0]))
def test_changes_of_attributes_are_decided_quickly(changes: list[tuple[int, Patch]]) -> None:
    change_set = ChangeSet(tuple(Put(node=ordinal, attributes=patch) for ordinal, patch in changes))
    quick = plain_changes(CHECKS, VIEW, change_set)
    assert quick is not None
    assert quick == decided(change_set)


SECRETS = ("postgres://ann:hunter2secret@db/x", "AKIAABCDEFGHIJKLMNOP", "password: s3cret!x", "Bearer abcdefghijklmnop")


@given(
    st.lists(st.sampled_from(["", "web 1", "a\tb", "=", "\x1b", "x" * 70_000, *SECRETS]), max_size=3),
    st.sampled_from(["", " ", "svc-1", "n" * 256, "n\x00", *SECRETS]),
)
def test_what_plainly_passes_has_no_problems(texts: list[str], name: str) -> None:
    kind = CHECKS.concrete["Server"]
    patch: Patch = dict(zip(["note", "serial", "firmware"], texts, strict=False))
    named, checked = CHECKS.name("Server", name), checked_attributes(kind.attributes, patch)
    plain = kind.plain(name, patch)
    assert plain is None or (plain == checked.value and not (named.problems or checked.problems))
    if not set(texts) - {"web 1"} and name == "svc-1":
        assert plain == checked.value
