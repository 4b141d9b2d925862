"""model show, compare, apply."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.text import Text

from cmdb.application.control import apply_model
from cmdb.cli.output import Format, Json, err, out, print_line, print_rows, print_value, table, write
from cmdb.cli.session import Acting, Common, opened, run
from cmdb.errors import CmdbError, NotFound
from graph_schema.compare import Effect
from graph_schema.compare import compare as compare_models
from graph_schema.document import model_document
from graph_schema.emit.classification import Language, classification, classification_markdown
from graph_schema.emit.json_schema import import_schema
from graph_schema.errors import did_you_mean
from graph_schema.metamodel import Attribute, Control, Model, RelationshipType
from graph_schema.reader import read_model, shipped_model

app = App(name="model", help="Show the model, compare two, and put a new one in force.")

From = Annotated[Path | None, Parameter(name="--from", help="A folder of model files, instead of the store's model.")]


@app.command
def show(
    name: Annotated[str | None, Parameter(help="A class or relationship type; without it, all classes.")] = None,
    /,
    *,
    folder: From = None,
    types: Annotated[bool, Parameter(help="The relationship types instead of the classes.")] = False,
    schema: Annotated[bool, Parameter(help="The JSON Schema of an import.")] = False,
    classification_table: Annotated[
        Language | None, Parameter(name="--classification", help="The classification table as Markdown: en or zh.")
    ] = None,
    common: Common | None = None,
) -> None:
    """Show what can exist: the classification table, one class, one relationship type, or the JSON Schema."""
    options = common or Common()
    model = read_model(folder) if folder else _store_model(options)
    if classification_table is not None:
        print_line(classification_markdown(model, classification_table))
    elif schema:
        write(msgspec.json.format(msgspec.json.encode(import_schema(model)), indent=2) + b"\n")
    elif name is not None:
        _show_one(model, name, options.output)
    elif types:
        rows = [_type_row(kind) for kind in model.relationship_types]
        print_rows(rows, ("type", "label", "ends", "dependency"), options.output)
    elif options.output is Format.JSON:
        write(msgspec.json.format(model_document(model), indent=2) + b"\n")
    else:
        print_rows(_class_rows(model), ("code", "class", "label", "chinese", "area", "level", "owner"), options.output)


def _store_model(common: Common) -> Model:
    """The store's model; the shipped one, saying so, where there is no store yet."""
    try:
        return run(_read_model(common))
    except CmdbError as error:
        err.print(f"{error.message}: showing the shipped model")
        return shipped_model()


async def _read_model(common: Common) -> Model:
    async with opened(common) as application:
        return await application.model()


def _class_rows(model: Model) -> list[dict[str, Json]]:
    return [
        {
            "code": row.code,
            "class": row.class_name,
            "label": row.label.en,
            "chinese": row.label.zh,
            "kind": row.kind.value,
            "area": row.area,
            "level": row.level,
            "owner": row.owner.en if row.owner else None,
            "identification": [list(rule) for rule in row.identification],
        }
        for row in classification(model)
    ]


def _show_one(model: Model, name: str, output: Format) -> None:
    if name in model.type_by_name:
        print_rows([_type_row(model.type_by_name[name])], ("type", "label", "ends", "dependency"), output)
        return
    if name not in model.class_by_name:
        known = [*model.class_by_name, *model.type_by_name]
        raise NotFound(f"there is no class or relationship type {name}", remedy=did_you_mean(name, known))
    rows = [_attribute_row(attribute) for attribute in model.attributes[name].values()]
    if output is Format.TABLE:
        c = model.class_by_name[name]
        code = f" {c.code}" if c.code else " (abstract)"
        out.print(Text.assemble((name, "bold"), (code, "cyan"), f"  {c.label.en} / {c.label.zh}"))
        out.print(Text(f"{c.description.en}\n{c.description.zh}"))
        out.print(Text(" ← ".join(model.lineage[name]), style="dim"))
        rules = "; ".join(" + ".join(rule) for rule in model.identification_of[name])
        out.print(Text(f"identified by: {rules or 'nothing but its source'}\n", style="dim"))
    print_rows(rows, ("attribute", "type", "label", "chinese", "control", "required"), output)


def _attribute_row(attribute: Attribute) -> dict[str, Json]:
    values = f" ({', '.join(attribute.values)})" if attribute.values else ""
    return {
        "attribute": attribute.name,
        "type": f"{attribute.type.value}{' list' if attribute.many else ''}{values}",
        "label": attribute.label.en,
        "chinese": attribute.label.zh,
        "unit": attribute.unit,
        "control": "observed" if attribute.control is Control.OBSERVED else "controlled",
        "required": attribute.required,
    }


def _type_row(kind: RelationshipType) -> dict[str, Json]:
    meaning = kind.dependency
    dependency = (
        f"its {meaning.dependent.value} end needs {meaning.need.value}, {meaning.strength.value}" if meaning else ""
    )
    return {
        "type": kind.name,
        "label": f"{kind.label.en} / {kind.label.zh}",
        "inverse": f"{kind.inverse.en} / {kind.inverse.zh}",
        "ends": "; ".join(f"{ends.source} → {ends.target}" for ends in kind.ends),
        "dependency": dependency,
    }


@app.command
def compare(
    before: Annotated[Path, Parameter(help="A folder of model files.")],
    after: Annotated[Path | None, Parameter(help="Another one; the shipped model if not given.")] = None,
    /,
    *,
    output: Annotated[Format, Parameter(name=["--output", "-o"])] = Format.TABLE,
) -> int:
    """Compare two models: what is additive, and what breaks data that is there. Ends with 6 if anything breaks."""
    found = compare_models(read_model(before), read_model(after) if after else shipped_model())
    if output is Format.TABLE:
        rows = [
            (Text(c.effect.value, style="red" if c.effect is Effect.BREAKING else "green"), c.subject, c.what, c.reason)
            for c in found.changes
        ]
        out.print(table(("effect", "subject", "change", "why it breaks"), rows))
        err.print(f"{len(found.additive)} additive, {len(found.breaking)} breaking")
    else:
        changes: list[Json] = [
            {"effect": c.effect.value, "subject": c.subject, "change": c.what, "reason": c.reason}
            for c in found.changes
        ]
        print_value({"changes": changes}, output)
    return 6 if found.breaking else 0


@app.command
def apply(
    folder: Annotated[Path, Parameter(help="A folder of model files.")], /, *, acting: Acting | None = None
) -> None:
    """Put a model in force that adds to the present one; once initialisation has ended, under a change that plans it."""
    run(_apply(acting or Acting(), read_model(folder)))


async def _apply(acting: Acting, model: Model) -> None:
    async with opened(acting) as application:
        head = await apply_model(application, model, actor=acting.who, change=acting.change, reason=acting.reason)
        err.print(f"revision {head.revision}: model {model.version} is in force")
