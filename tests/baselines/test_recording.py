"""Baselines are recorded as sealed references, found again, and serve as moments; on both kinds of store alike."""

from __future__ import annotations

import pytest

from cmdb.application.baselines import find_baseline, list_baselines
from cmdb.baselines import Everything, Filtered, OfService, parse_scope
from cmdb.changeset import Link, Put, Retire, Unlink
from cmdb.errors import Conflict, Invalid, NotFound, Usage
from cmdb.filters import Direction
from cmdb.ledger import node_line
from cmdb.reading import moment_revision
from tests.baselines.world import DB, SHOP, SPARE, TICKET, WEB, a_site
from tests.store.places import Places


async def test_a_baseline_says_what_it_seals(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        head = await site.store.head()
        made = await site.record("first")
        seal = made.seal
        assert (seal.scope, seal.revision, seal.commit_hash) == (Everything(), 2, head.hash)
        assert (seal.items, seal.relationships, seal.model_version) == (4, 2, "1")
        assert (made.name, made.purpose, made.recorded_by, made.node.state) == ("first", "for tests", "rose", "sealed")
        assert len(node_line(made.node)) < 4096
        assert await find_baseline(site.application, made.key) == made
        assert await find_baseline(site.application, "first") == made
        assert await find_baseline(site.application, "Baseline:first") == made


async def test_the_root_depends_on_the_content_alone(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        first = await site.record("first")
        assert (await site.record("same again")).seal.root == first.seal.root
        await site.write(Put(node=TICKET, name="T-2"))
        assert (await site.record("a record changed")).seal.root == first.seal.root
        await site.write(Put(node=SPARE, attributes={"count": 1}))
        assert (await site.record("an item changed")).seal.root != first.seal.root
        assert (await site.record("as it was", moment="2")).seal == first.seal
        await site.write(Unlink(type="RUNS_ON", source=WEB, target=DB))
        unlinked = await site.record("unlinked")
        assert unlinked.seal.relationships == 1


async def test_a_scope_is_a_filter_or_a_service_with_what_it_needs(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        servers = await site.record("servers", Filtered("is Server"))
        assert (servers.seal.items, servers.seal.relationships) == (3, 1)
        shop = await site.record("shop", OfService("Service:svc-shop"))
        service = await site.node(SHOP)
        assert (shop.seal.scope, shop.seal.items, shop.seal.relationships) == (OfService(service.key), 3, 2)
        [edge] = await site.store.relationships([shop.node.ordinal], Direction.OUT)
        assert (edge.type, edge.target) == ("BASELINE_OF", SHOP)
        with pytest.raises(Invalid, match="covers no configuration item"):
            await site.record("nothing", Filtered("is Server and name = nobody"))
        with pytest.raises(Usage, match="there is no field"):
            await site.record("nonsense", Filtered("colour = red"))
        with pytest.raises(NotFound):
            await site.record("nobody", OfService("Service:nobody"))


async def test_a_baseline_is_superseded_by_another(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        first = await site.record("first")
        second = await site.record("second", supersedes="first")
        assert [(b.name, b.node.state) for b in await list_baselines(site.application)] == [
            ("second", "sealed"),
            ("first", "superseded"),
        ]
        [edge] = await site.store.relationships([second.node.ordinal], Direction.OUT, ["SUPERSEDES"])
        assert edge.target == first.node.ordinal
        with pytest.raises(Conflict, match="superseded already"):
            await site.record("third", supersedes="first")
        with pytest.raises(Conflict, match="already"):
            await site.record("second")


async def test_a_baseline_is_a_moment(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        made = await site.record("first")
        await site.write(Retire(node=SPARE))
        assert await moment_revision(site.store, "Baseline:first") == 2
        assert await moment_revision(site.store, made.key) == 2
        with pytest.raises(Usage, match="no baseline"):
            await moment_revision(site.store, (await site.node(WEB)).key)
        with pytest.raises(NotFound):
            await moment_revision(site.store, "Baseline:nobody")


async def test_a_service_that_was_retired_since_can_be_sealed_as_it_was(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await site.write(Link(type="RUNS_ON", source=DB, target=SPARE), Retire(node=SHOP))
        made = await site.record("then", OfService("SVC-000001"), moment="2")
        assert (made.seal.items, made.seal.relationships) == (3, 2)


@pytest.mark.parametrize("text", ["all", "filter is Server and name contains 'x y'", "service SVC-000001"])
def test_a_scope_is_what_its_text_says(text: str) -> None:
    assert str(parse_scope(text)) == text


@pytest.mark.parametrize("text", ["", "everything", "filter", "filter ", "service", "all of it"])
def test_a_text_that_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="no scope"):
        parse_scope(text)
