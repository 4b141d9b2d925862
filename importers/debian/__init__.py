"""`Packages` indexes of a Debian suite, plain or compressed (gzip, xz, Zstandard): packages and what each needs.

| thing | becomes |
| --- | --- |
| package | Package in the ecosystem `deb`; its source key names version and architecture: `package:acl/2.3.1-3/amd64` |
| clause of Depends or Pre-Depends that one package meets | DEPENDS_ON |
| clause that several meet, as alternatives or by Provides | DEPENDS_ON to each, in a pool `(a | b)`; any one is enough |
| clause that the package meets itself | nothing |
| clause that no package meets | a warning |

Recommends, Suggests and Conflicts are not read. All files together are one archive: what one lacks, another may have.
Versions, restrictions and Provides mean what the Debian Policy Manual says (5.6.12, 7.1, 7.5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cmdb.reconciliation.claims import Item, Progress, Raw, RowError, Where
from cmdb.secrets import quoted
from graph_schema.metamodel import Model
from importers.claiming import Claims
from importers.debian.archive import Archive, Need, Unmet
from importers.debian.stanzas import Package, head, packages
from importers.text import progress_of

ECOSYSTEM: Final = "deb"


class Debian:
    """Importer of `Packages` files."""

    name = "debian"

    def recognises(self, path: Path) -> bool:
        """By its first stanza: it begins with a package and has a version, but not a status as dpkg's own file has."""
        return path.is_file() and _START.match(head(path)) is not None

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        """Claims package by package. Memory is O(packages + their needs): a need may be met by the last of them."""
        note = progress_of(list(paths), progress)
        archive = Archive()
        for path in paths:
            again: list[Package] = []
            for found in packages(path, note):
                if isinstance(found, RowError):
                    yield found
                elif archive.has(found):
                    again.append(found)
                else:
                    yield from archive.add(found)
            if again:
                yield _repeated(path, again)
        claims = Claims(model)
        for package in archive.packages:
            yield from _package(package, archive, claims)


def source_key(package: Package) -> str:
    """The source key of a package: `package:acl/2.3.1-3/amd64`; without an architecture the last part is left out."""
    return f"package:{'/'.join(part for part in (package.name, package.version, package.architecture) if part)}"


_START: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*Package:(?!(?:.+\n)*?Status:)(?:.+\n)+?Version:")


def _repeated(path: Path, again: list[Package]) -> RowError:
    first = again[0]
    count = f"{len(again)} packages were" if len(again) > 1 else "a package was"
    return RowError(
        where=Where(str(path), first.row),
        message=f"{count} described before in the same version and passed over, first {quoted(first.name)}",
        remedy="import one copy of each index",
        warning=True,
    )


def _package(package: Package, archive: Archive, claims: Claims) -> Iterator[Item]:
    found = [*archive.needs(package)]
    needs = [need for need in found if isinstance(need, Need)]
    attributes: dict[str, Raw] = {
        "ecosystem": ECOSYSTEM,
        "version_number": package.version,
        "architecture": package.architecture,
        "description": package.synopsis,
        "url": package.homepage,
        "redundancy": [f"{need.pool}=any" for need in needs if need.pool],
    }
    key = source_key(package)
    yield from claims.node(Where(package.file, package.row), "Package", key, package.name, attributes)
    for need in found:
        if isinstance(need, Unmet):
            yield _unmet(package, need)
            continue
        in_pool: dict[str, Raw] = {"pool": need.pool} if need.pool else {}
        for provider in need.providers:
            where = Where(package.file, need.row)
            yield from claims.relationship(where, "DEPENDS_ON", key, source_key(provider), need.pool, in_pool)


def _unmet(package: Package, unmet: Unmet) -> RowError:
    return RowError(
        where=Where(package.file, unmet.row),
        message=f"{quoted(package.name)} needs {quoted(unmet.clause)}, which no package here is or provides",
        remedy="import the suite or component that has it together with this one",
        warning=True,
    )
