"""A change that is to put a model in force, drafted over GraphQL with the model's files as text."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from cmdb.application.control.modelling import LARGEST_MODEL, digest_of_model
from graph_schema.reader import MOST_FILES, read_model
from tests.api.estate import at, items
from tests.api.office import Office

ROBOTS = """area: {name: robots, order: 99, label: {en: Robots, zh: 机器人}}
classes:
  Robot:
    code: RBT
    parent: Hardware
    label: {en: Robot, zh: 机器人}
    description: {en: A robot., zh: 机器人。}
    identification: [[name]]
"""


def files(**more: str) -> dict[str, str]:
    """The shipped model's files, and more."""
    shipped = {
        file.name: file.read_text(encoding="utf-8")
        for file in (resources.files("graph_schema") / "classes").iterdir()
        if file.name.endswith(".yaml")
    }
    return shipped | {f"{name}.yaml": text for name, text in more.items()}


def told(texts: dict[str, str]) -> list[dict[str, str]]:
    """Files as GraphQL takes them."""
    return [{"name": name, "text": text} for name, text in texts.items()]


async def test_a_drafted_model_is_put_in_force_by_its_change_alone(office: Office, tmp_path: Path) -> None:
    texts = files(robots=ROBOTS)
    folder = tmp_path / "model"
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    wanted = read_model(folder)
    drafted = await office.draft(model=told(texts))
    assert at(drafted, "__typename") == "ChangeTaken", drafted
    planned = '{ change(ref: "CHG-000001") { node { ... on Change { plannedModel } } } }'
    assert await office.ask(planned, "change", "node", "plannedModel") == digest_of_model(wanted)
    apply = """mutation ($files: [ModelFileInput!]!, $change: String) {
      applyModel(files: $files, actor: "ivan", change: $change) {
      __typename ... on AppliedModel { revision version } ... on WriteFailure { message } } }"""
    refused = await office.ask(apply, "applyModel", files=told(texts), change="CHG-000001")
    assert at(refused, "__typename") == "RefusedWrite"
    await office.usual("CHG-000001", "BEGIN")
    other = told(files(robots=ROBOTS.replace("A robot.", "A machine.")))
    assert at(await office.ask(apply, "applyModel", files=other, change="CHG-000001"), "__typename") == "RefusedWrite"
    applied = await office.ask(apply, "applyModel", files=told(texts), change="CHG-000001")
    head = await office.application.store.head()
    assert applied == {"__typename": "AppliedModel", "revision": head.revision, "version": wanted.version}
    assert await office.ask('{ __type(name: "Robot") { name } }', "__type", "name") == "Robot"


async def test_a_model_that_cannot_be_used_says_where_and_why(office: Office) -> None:
    typo = await office.draft(model=told(files(robots=ROBOTS.replace("parent:", "parrent:"))))
    assert at(typo, "__typename") == "InvalidWrite"
    [problem] = items(at(typo, "problems"))
    assert (at(problem, "message"), at(problem, "where")) == ("unknown word `parrent`", "robots.yaml:5")
    releases = files()["releases.yaml"].replace("      emergency: {en: Emergency, zh: 紧急}\n", "")
    broken: list[tuple[list[dict[str, str]], str]] = [
        ([], "0 files"),
        ([{"name": f"f{number}.yaml", "text": ""} for number in range(MOST_FILES + 1)], f"1 to {MOST_FILES}"),
        ([{"name": "big.yaml", "text": "#" * (LARGEST_MODEL + 1)}], f"{LARGEST_MODEL} fit"),
        (told({"../robots.yaml": ROBOTS}), "../robots.yaml"),
        (told({"/robots.yaml": ROBOTS}), "/robots.yaml"),
        (told({"robots.txt": ROBOTS}), "robots.txt"),
        (told({"Robots.yaml": ROBOTS, "robots.yaml": ROBOTS}), "given twice"),
        (told({"robots.yaml": "a: [" * 50}), "robots.yaml:1"),
        (told(files(releases=releases)), "breaks"),
    ]
    head = await office.application.store.head()
    for given, words in broken:
        failed = await office.draft(model=given)
        assert (at(failed, "__typename"), words in str(failed)) == ("InvalidWrite", True), failed
    assert await office.application.store.head() == head
