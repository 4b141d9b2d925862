"""What the reader says about models that are wrong, and that no file can hurt it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.errors import ModelError
from graph_schema.metamodel import AttributeType, Kind
from graph_schema.reader import read_model
from graph_schema.yaml_tree import LARGEST_FILE, parse
from tests.graph_schema.golden import assert_golden

BROKEN = Path(__file__).parent / "broken"

SOUND = """
version: 1.0.0
area: {name: demo, label: {en: Demo, zh: 演示}}
attributes:
  serial_number: {type: string, indexed: true, label: {en: Serial number, zh: 序列号}}
  email: {type: email, label: {en: E-mail, zh: 邮箱}}
lifecycles:
  item:
    initial: [used]
    states:
      used: {label: {en: Used, zh: 使用}, next: [gone]}
      gone: {label: {en: Gone, zh: 报废}, final: true}
classes:
  Thing:
    abstract: true
    kind: record
    label: {en: Thing, zh: 物}
    description: {en: A thing., zh: 实物。}
    lifecycle: item
    attributes:
      serial_number:
  Server:
    code: SRV
    parent: Thing
    label: {en: Server, zh: 服务器}
    description: {en: A computer., zh: 计算机。}
    identification: [[serial_number], [name]]
    attributes:
      serial_number: {required: true}
      email: {sensitive: true}
      colour: {type: enum, values: {red: {en: Red, zh: 红}}, label: {en: Colour, zh: 颜色}}
"""


def written(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.yaml").write_bytes(data)
    return folder


def faults(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_model(folder)
    return f"{caught.value}\n"


@pytest.mark.parametrize("case", sorted(path.stem for path in BROKEN.glob("*.yaml")))
def test_a_broken_model_is_explained(case: str, tmp_path: Path) -> None:
    shutil.copy(BROKEN / f"{case}.yaml", tmp_path)
    assert_golden(BROKEN / f"{case}.txt", faults(tmp_path))


def test_a_class_takes_attributes_from_the_vocabulary_and_refines_them(tmp_path: Path) -> None:
    server = read_model(written(tmp_path, model=SOUND)).attributes["Server"]
    assert server["serial_number"].indexed
    assert server["serial_number"].required
    assert server["email"].type is AttributeType.EMAIL
    assert server["email"].sensitive
    assert server["colour"].values == ("red",)
    assert server["colour"].value_labels["red"].zh == "红"


def test_a_class_is_of_the_kind_of_its_root(tmp_path: Path) -> None:
    assert read_model(written(tmp_path, model=SOUND)).class_by_name["Server"].kind is Kind.RECORD


def test_a_model_can_be_spread_over_files(tmp_path: Path) -> None:
    head, classes = SOUND.split("classes:")
    rest = "area: {name: demo, label: {en: Demo, zh: 演示}}\nclasses:" + classes
    whole = read_model(_made(tmp_path, "one", model=SOUND))
    assert read_model(_made(tmp_path, "two", b=head, a=rest)) == whole


def _made(parent: Path, folder: str, **files: str | bytes) -> Path:
    (parent / folder).mkdir()
    return written(parent / folder, **files)


def test_a_name_in_two_files_names_both_places(tmp_path: Path) -> None:
    again = "area: {name: more, label: {en: More, zh: 更多}}\nclasses:\n  Server: {}\n"
    assert "other.yaml:3: `Server` is defined a second time\n    model.yaml:" in faults(
        written(tmp_path, model=SOUND, other=again)
    )


def test_exactly_one_file_gives_the_version(tmp_path: Path) -> None:
    assert "0 files give the model's version" in faults(written(tmp_path, model=SOUND.replace("version: 1.0.0", "")))
    second = "version: 2\narea: {name: more, label: {en: More, zh: 更多}}\n"
    assert "2 files give the model's version" in faults(written(tmp_path, model=SOUND, other=second))


def test_an_empty_or_missing_folder_is_no_model(tmp_path: Path) -> None:
    assert "0 YAML files" in faults(tmp_path)
    assert "there is no such folder" in faults(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"area: \xff\xfe", "bad.yaml:1: the text is not UTF-8"),
        (b"a: 1\nb: \x00", "bad.yaml:2: the character"),
        (b"a: " + b"[" * 100_000, "nested deeper"),
        (b"? {a: b}\n: c", "a key must be a plain word"),
        (b"a: !!python/object/apply:os.system [ls]", "tags"),
        (b"a: 1\n---\nb: 2", "bad.yaml:2: a second document"),
        (b"", "the file holds no mapping"),
        (b"- a\n- b", "the file holds no mapping"),
        (b"#" * (LARGEST_FILE + 1), "more than"),
    ],
    ids=["encoding", "control", "depth", "key", "tag", "documents", "empty", "list", "size"],
)
def test_a_hostile_file_is_refused_with_its_place(content: bytes, message: str, tmp_path: Path) -> None:
    assert message in faults(written(tmp_path, bad=content))


def test_inheritance_is_not_endless(tmp_path: Path) -> None:
    classes = "".join(
        f"  C{n}: {{abstract: true, parent: C{n + 1}, label: {{en: x, zh: x}}, description: {{en: x, zh: x}}}}\n"
        for n in range(2_000)
    )
    head = SOUND.partition("classes:")[0] + "classes:\n"
    last = "  C2000: {abstract: true, label: {en: x, zh: x}, description: {en: x, zh: x}}\n"
    assert "more than 15 ancestors" in faults(written(tmp_path, model=head + classes + last))


yaml_like = st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@`, \n\t?~01é\x00\u2028"), max_size=60)


@given(yaml_like)
def test_any_text_is_a_tree_or_a_problem_with_a_line(text: str) -> None:
    try:
        lines = set(parse("any.yaml", text.encode()).lines.values())
    except ModelError as error:
        lines = {problem.line for problem in error.problems}
    assert lines <= set(range(1, text.count("\n") + text.count("\u2028") + 3))


@given(data=st.data())
def test_a_model_with_one_word_changed_is_read_or_explained(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words: list[str] = [*SOUND.split(" ")]
    position = data.draw(st.integers(0, len(words) - 1))
    changes = ["", "x", "[]", "{}", "null", "1", "[[[]]]", "a: b", "-> x", "'", "x\n"]
    words[position] = data.draw(st.sampled_from(changes))
    folder = written(tmp_path_factory.mktemp("changed"), model=" ".join(words))
    try:
        said = read_model(folder).version
    except ModelError as error:
        said = "".join(problem.message for problem in error.problems)
    assert said
