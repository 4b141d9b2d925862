"""A model for tests: every attribute type, lists, inheritance, both kinds, cardinality, uniqueness, both sorts of need."""

from __future__ import annotations

from typing import Final

from graph_schema.metamodel import (
    Attribute,
    AttributeType,
    Control,
    Dependency,
    DependentEnd,
    Ends,
    Kind,
    Label,
    Lifecycle,
    Model,
    NamingRule,
    Need,
    NodeClass,
    RelationshipType,
    State,
    Strength,
)

NOTHING_SAID: Final = Label(en="for tests", zh="测试用")


def attribute(
    name: str,
    kind: AttributeType,
    *,
    many: bool = False,
    required: bool = False,
    unique: bool = False,
    indexed: bool = False,
    searchable: bool = False,
    values: tuple[str, ...] = (),
    minimum: int | None = None,
    maximum: int | None = None,
    control: Control = Control.CONTROLLED,
) -> Attribute:
    """An attribute with a label that says nothing."""
    return Attribute(
        name=name,
        type=kind,
        label=NOTHING_SAID,
        many=many,
        required=required,
        unique=unique,
        indexed=indexed,
        searchable=searchable,
        values=values,
        minimum=minimum,
        maximum=maximum,
        control=control,
    )


def node_class(
    name: str,
    code: str | None = None,
    *attributes: Attribute,
    parent: str | None = None,
    kind: Kind = Kind.CI,
    lifecycle: str | None = None,
    naming: NamingRule | None = None,
) -> NodeClass:
    """A class in the area `tests`; without a code it is abstract."""
    return NodeClass(
        name=name,
        code=code,
        kind=kind,
        parent=parent,
        abstract=code is None,
        area="tests",
        label=NOTHING_SAID,
        description=NOTHING_SAID,
        attributes=attributes,
        lifecycle=lifecycle,
        naming=naming,
    )


def relationship_type(
    name: str,
    *ends: tuple[str, str],
    attributes: tuple[Attribute, ...] = (),
    dependency: Dependency | None = None,
    from_max: int | None = None,
    to_max: int | None = None,
) -> RelationshipType:
    """A relationship type in the area `tests`, joining these pairs of classes."""
    return RelationshipType(
        name=name,
        label=NOTHING_SAID,
        inverse=NOTHING_SAID,
        description=NOTHING_SAID,
        area="tests",
        ends=tuple(Ends(source=source, target=target) for source, target in ends),
        from_max=from_max,
        to_max=to_max,
        attributes=attributes,
        dependency=dependency,
    )


def lifecycle(
    name: str, initial: tuple[str, ...], final: tuple[str, ...], transitions: dict[str, tuple[str, ...]]
) -> Lifecycle:
    """A lifecycle of all the states that are named."""
    states = dict.fromkeys([*initial, *transitions, *(s for to in transitions.values() for s in to), *final])
    return Lifecycle(
        name=name,
        initial=initial,
        states=tuple(State(name=s, label=NOTHING_SAID, final=s in final) for s in states),
        transitions=transitions,
    )


_T = AttributeType

MODEL: Final = Model(
    version="1",
    lifecycles=(
        lifecycle(
            "item",
            initial=("in_use", "ordered"),
            final=("dismantled", "cancelled"),
            transitions={
                "ordered": ("in_use", "cancelled"),
                "in_use": ("under_change", "dismantled"),
                "under_change": ("in_use", "dismantled"),
            },
        ),
        lifecycle(
            "ticket",
            initial=("open",),
            final=("closed", "rejected"),
            transitions={"open": ("working",), "working": ("open", "closed", "rejected")},
        ),
    ),
    classes=(
        node_class(
            "Item",
            None,
            attribute("note", _T.TEXT, searchable=True),
            attribute("tier", _T.ENUM, values=("gold", "silver", "bronze"), indexed=True),
            attribute("tags", _T.STRING, many=True, searchable=True),
            attribute("count", _T.INTEGER, indexed=True),
            lifecycle="item",
        ),
        node_class(
            "Server",
            "SRV",
            attribute("serial", _T.STRING, unique=True, indexed=True, searchable=True),
            attribute("price", _T.DECIMAL, indexed=True),
            attribute("active", _T.BOOLEAN),
            attribute("built", _T.DATE),
            attribute("checked", _T.DATETIME, indexed=True, control=Control.OBSERVED),
            attribute("uptime", _T.DURATION),
            attribute("site", _T.URL),
            attribute("address", _T.IP),
            attribute("network", _T.CIDR),
            attribute("hardware", _T.MAC),
            attribute("contact", _T.EMAIL),
            attribute("firmware", _T.VERSION),
            attribute("ports", _T.INTEGER, many=True),
            parent="Item",
        ),
        node_class("VirtualServer", "VM", attribute("share", _T.INTEGER, minimum=0, maximum=100), parent="Server"),
        node_class(
            "Service",
            "SVC",
            attribute("owner", _T.STRING, required=True, indexed=True),
            parent="Item",
            naming=NamingRule(pattern=r"svc-.+", example="svc-payroll"),
        ),
        node_class("Record", None, kind=Kind.RECORD, lifecycle="ticket"),
        node_class(
            "Ticket",
            "TCK",
            attribute("summary", _T.STRING, searchable=True),
            attribute("reference", _T.INTEGER, unique=True),
            parent="Record",
            kind=Kind.RECORD,
        ),
    ),
    relationship_types=(
        relationship_type(
            "RUNS_ON",
            ("Item", "Server"),
            attributes=(
                attribute("port", _T.INTEGER),
                attribute("remark", _T.STRING),
                attribute("protocols", _T.STRING, many=True),
            ),
            dependency=Dependency(dependent=DependentEnd.FROM),
        ),
        relationship_type(
            "BACKED_BY",
            ("Service", "Server"),
            dependency=Dependency(dependent=DependentEnd.FROM, need=Need.ANY),
        ),
        relationship_type(
            "FEEDS",
            ("Server", "Service"),
            dependency=Dependency(dependent=DependentEnd.TO, strength=Strength.SOFT),
        ),
        relationship_type("PART_OF", ("Server", "Service"), from_max=1),
        relationship_type("OWNS", ("Service", "Item"), to_max=1),
        relationship_type(
            "CONNECTED_TO", ("Item", "Item"), attributes=(attribute("speed", _T.INTEGER, required=True),)
        ),
        relationship_type("ABOUT", ("Ticket", "Item"), ("Ticket", "Ticket")),
    ),
)
"""`VirtualServer` is a `Server` is an `Item`; `Service` has a naming rule and a required attribute; `Ticket` is a record."""
