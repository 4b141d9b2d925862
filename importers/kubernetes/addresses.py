"""Finds the services that the value of an environment variable speaks of.

A value can be an address (`cart:7070`), a URL (`http://cart.shop.svc.cluster.local/v1`, also with credentials, which
are looked past), a bare name (`cart`), or several of these with commas.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Final

from cmdb.secrets import names_secret
from importers.kubernetes.facts import Ref, Variable


def services_in(variable: Variable, namespace: str, known: Container[Ref]) -> Iterator[Ref]:
    """The services that `variable`, of a workload in `namespace`, names.

    A name counts when it is a `known` service. An unknown one counts only where the cluster's own DNS would have to
    resolve it: as `name.namespace.svc`, or as one word with a port or scheme under a variable that is named like an
    address.
    """
    if len(variable.value) > _LONGEST or names_secret(variable.name):
        return
    for part in _SEPARATOR.split(variable.value):
        found = _ADDRESS.fullmatch(part.strip())
        if found is None or found["host"] in _SELF:
            continue
        name, *rest = found["host"].split(".")
        ref = Ref("Service", rest[0] if rest else namespace, name)
        located = found["scheme"] or found["port"]
        if ref in known:
            if located or rest or _NAMED_LIKE_ADDRESS.search(variable.name):
                yield ref
        elif rest[1:2] == ["svc"] or (not rest and located and _NAMED_LIKE_ADDRESS.search(variable.name)):
            yield ref


_LONGEST: Final = 4096
_SEPARATOR: Final = re.compile(r"[,;\s]+")
_LABEL: Final = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS: Final = re.compile(
    r"(?P<scheme>(?:jdbc:)?[a-z][a-z0-9+.-]{0,30}://)?(?:[^\s/@]{0,512}@)?"
    rf"(?P<host>{_LABEL}(?:\.{_LABEL}(?:\.svc(?:\.[a-z0-9.-]{{1,200}})?)?)?)"
    r"(?P<port>:\d{1,5})?(?:[/?#].{0,2048})?"
)
_SELF: Final = frozenset({"localhost"})
_NAMED_LIKE_ADDRESS: Final = re.compile(
    r"(?i)addr|host|ur[li]|endpoint|server|service|broker|upstream|backend|target|bootstrap|connect|proxy|peer|dsn"
)
