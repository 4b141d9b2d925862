"""All packages of some indexes together: which of them meet a clause."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cmdb.reconciliation.claims import RowError, Where
from cmdb.secrets import quoted
from importers.debian.clauses import Alternative, Clause, clauses
from importers.debian.stanzas import Package

MOST_PROVIDERS: Final = 1_000
"""Packages of one name, or that provide it; Debian's most provided name has a tenth of that."""

LONGEST_POOL: Final = 100
"""Characters of a pool's name in the model."""


@dataclass(frozen=True, slots=True)
class Need:
    """One of these packages is needed. `pool` is its name among the needs of the package; empty if there is but one."""

    row: int
    pool: str
    providers: tuple[Package, ...]


@dataclass(frozen=True, slots=True)
class Unmet:
    """A clause that no package meets."""

    row: int
    clause: str


class Archive:
    """Packages, found by what they are and what they provide."""

    def __init__(self) -> None:
        self.packages: list[Package] = []
        self._places: dict[tuple[str, str, str], int] = {}
        self._providers: dict[str, list[tuple[int, str]]] = {}
        self._depends: list[tuple[tuple[int, Clause], ...]] = []
        self._clauses: dict[Clause, Clause] = {}
        self._meeting: dict[Alternative, tuple[int, ...]] = {}

    def has(self, package: Package) -> bool:
        """Whether the same version of it for the same architecture is here."""
        return _key(package) in self._places

    def add(self, package: Package) -> Iterator[RowError]:
        """Take in a package, to be done with all of them before the first is asked for; says what of it is broken."""
        place = self._places[_key(package)] = len(self.packages)
        self._meeting.clear()
        self.packages.append(package)
        yield from self._offer(package, package.row, package.name, place, package.version)
        for field in package.provides:
            for found in clauses(field.text):
                match found:
                    case Clause(alternatives=(Alternative(relation="" | "=") as provided,)):
                        yield from self._offer(package, field.row, provided.name, place, provided.version)
                    case _:
                        text = found if isinstance(found, str) else found.text
                        yield _broken(package, field.row, f"provides {quoted(text)}, which names no package")
        depends: list[tuple[int, Clause]] = []
        for field in package.depends:
            for found in clauses(field.text):
                if isinstance(found, str):
                    yield _broken(package, field.row, f"depends on {quoted(found)}, which cannot be read")
                else:
                    depends.append((field.row, self._clauses.setdefault(found, found)))
        self._depends.append(tuple(depends))

    def needs(self, package: Package) -> Iterator[Need | Unmet]:
        """What a package needs, clause by clause; what it meets itself, and what is said twice, is left out."""
        own = self._places[_key(package)]
        seen: set[frozenset[int]] = set()
        names: dict[str, int] = {}
        for row, clause in self._depends[own]:
            found = self._meeting_clause(clause, package)
            if not found:
                yield Unmet(row, clause.text)
            elif own not in found and (alike := frozenset(found)) not in seen:
                seen.add(alike)
                providers = tuple(self.packages[place] for place in found)
                yield Need(row, _pool(clause, names) if len(providers) > 1 else "", providers)

    def _offer(self, package: Package, row: int, name: str, place: int, version: str) -> Iterator[RowError]:
        offered = self._providers.setdefault(name, [])
        if len(offered) < MOST_PROVIDERS:
            offered.append((place, version))
        else:
            yield _broken(
                package, row, f"is the next after {MOST_PROVIDERS} packages that are or provide {quoted(name)}"
            )

    def _meeting_clause(self, clause: Clause, dependent: Package) -> Sequence[int]:
        """Places of the packages that meet a clause, each once."""
        found: dict[int, None] = {}
        for alternative in clause.alternatives:
            for place in self._meeting_version(alternative):
                if _fits(dependent, alternative.qualifier, self.packages[place]):
                    found[place] = None
        return tuple(found)

    def _meeting_version(self, wanted: Alternative) -> tuple[int, ...]:
        """An unversioned Provides meets no restriction (Policy 7.5)."""
        known = self._meeting.get(wanted)
        if known is None:
            offered = self._providers.get(wanted.name, [])
            known = tuple(
                place for place, version in offered if not wanted.relation or (version and wanted.allows(version))
            )
            self._meeting[wanted] = known
        return known


def _key(package: Package) -> tuple[str, str, str]:
    return package.name, package.version, package.architecture


def _fits(dependent: Package, qualifier: str, provider: Package) -> bool:
    """Whether the architectures fit. `all`, or none that is known, fits every other; Multi-Arch widens (deb-control(5))."""
    wide = {"", "all"}
    if qualifier in {"any", ""}:
        widening = "allowed" if qualifier else "foreign"
        own, other = dependent.architecture, provider.architecture
        return own == other or own in wide or other in wide or provider.multi_arch == widening
    return provider.architecture in {qualifier, *wide}


def _pool(clause: Clause, names: dict[str, int]) -> str:
    """The clause's names without versions, which come and go; numbered where a package has the same names again.

    The brackets keep `(adduser | passwd)=any` from looking like somebody's password.
    """
    inside = " | ".join(dict.fromkeys(alternative.name for alternative in clause.alternatives))
    if len(inside) > LONGEST_POOL - 10:
        digest = hashlib.sha256(inside.encode()).hexdigest()[:8]
        inside = f"{inside[: LONGEST_POOL - 20].rstrip()}… {digest}"
    names[inside] = names.get(inside, 0) + 1
    return f"({inside})" if names[inside] == 1 else f"({inside}) {names[inside]}"


def _broken(package: Package, row: int, message: str) -> RowError:
    return RowError(
        where=Where(package.file, row),
        message=f"{quoted(package.name)} {message}",
        remedy="take the index from the archive again",
    )
