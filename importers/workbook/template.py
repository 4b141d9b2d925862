"""An empty workbook made from the model: people fill it in, and its import is the first content of the database."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Final

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from graph_schema.metamodel import Attribute, AttributeType, Label, Model, NodeClass
from importers.workbook.columns import INSTRUCTIONS_SHEET, RELATIONSHIPS_SHEET


def template(model: Model) -> bytes:
    """The bytes of an XLSX file: instructions, a sheet per concrete class, one for relationships.

    Header cells carry bilingual comments, required columns are marked, closed sets have drop-downs.
    """
    book = Workbook()
    lists = _Lists(book)
    for class_name in sorted(name for name, found in model.class_by_name.items() if not found.abstract):
        _class_sheet(book, lists, model, model.class_by_name[class_name])
    _relationships_sheet(book, lists, model)
    _instructions(book, model)
    lists.finish()
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


class _Column:
    """A column of the template: its header, what its comment says, and the values it is limited to."""

    def __init__(
        self, name: str, notes: Sequence[Label | str], *, required: bool = False, values: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.required = required
        self.values = tuple(values)
        self.comment = "\n".join(f"{n.en}\n{n.zh}" if isinstance(n, Label) else n for n in notes)
        self.is_text = True


_LAST_ROW: Final = 5_000
"""Rows that have drop-downs and text format; more rows are read just as well."""
_LISTS_SHEET: Final = "_lists"
_LONGEST_INLINE: Final = 250
"""A drop-down whose values are in the sheet itself may have 255 characters."""
_HEADER: Final = Font(bold=True)
_REQUIRED: Final = PatternFill("solid", start_color="FFE699", end_color="FFE699")
_OPTIONAL: Final = PatternFill("solid", start_color="DDEBF7", end_color="DDEBF7")
_NUMERIC: Final = frozenset({AttributeType.INTEGER, AttributeType.DECIMAL, AttributeType.DATE, AttributeType.DATETIME})

_KEY: Final = Label(
    en="Your own reference for this row; without one it is Class:name.",
    zh="本行的自有编号；不填则为“类:名称”。",
)
_STATE: Final = Label(en="State of its life; the first one if left out.", zh="生命周期状态；不填则为第一个。")
_TEXT: Final = "@"

_STEPS: Final = (
    Label(en="Fill in one row per item on the sheet of its class.", zh="在对应类的工作表中，每个配置项填写一行。"),
    Label(
        en="Columns in yellow are required; delete sheets and columns you do not need.",
        zh="黄色列为必填；不需要的工作表和列可以删除。",
    ),
    Label(
        en="On the sheet Relationships an end is Class:name, a value of the column key, or an existing item's key.",
        zh="在 Relationships 工作表中，端点写作“类:名称”、key 列的值，或已有配置项的编号。",
    ),
    Label(en="Several values in one cell are separated by ;", zh="同一单元格中的多个值用 ; 分隔。"),
    Label(en="Times without a zone are UTC.", zh="未注明时区的时间视为 UTC。"),
    Label(
        en="Never write passwords, tokens or keys into this workbook; say where they are kept.",
        zh="请勿在本工作簿中填写密码、令牌或密钥；只说明其保管位置。",
    ),
    Label(en="Sheets whose names begin with _ are not imported.", zh="名称以 _ 开头的工作表不会导入。"),
)


class _Lists:
    """Long closed sets stand in columns of a hidden sheet, which drop-downs refer to."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._columns: dict[tuple[str, ...], str] = {}

    def validation(self, values: tuple[str, ...], cells: str) -> DataValidation:
        inline = ",".join(values)
        formula = f'"{inline}"' if len(inline) <= _LONGEST_INLINE else self._reference(values)
        return DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=True, sqref=cells)

    def finish(self) -> None:
        if self._columns:
            sheet = self._book.create_sheet(_LISTS_SHEET)
            sheet.sheet_state = "hidden"
            for at, values in enumerate(self._columns, 1):
                for row, value in enumerate(values, 1):
                    sheet.cell(row, at, value)

    def _reference(self, values: tuple[str, ...]) -> str:
        letter = self._columns.setdefault(values, get_column_letter(len(self._columns) + 1))
        return f"'{_LISTS_SHEET}'!${letter}$1:${letter}${len(values)}"


def _class_sheet(book: Workbook, lists: _Lists, model: Model, node_class: NodeClass) -> None:
    sheet = book.create_sheet(node_class.name)
    lifecycle = model.lifecycle_of.get(node_class.name)
    naming = model.naming_of[node_class.name]
    about_name: list[Label | str] = [node_class.label, node_class.description]
    if naming is not None:
        about_name += [*([naming.description] if naming.description else []), f"e.g. {naming.example}"]
    columns = [
        _Column("key", [_KEY]),
        _Column("name", about_name, required=True),
        _Column("state", [_STATE], values=lifecycle.initial if lifecycle else ()),
        *(_attribute(attribute) for attribute in model.attributes[node_class.name].values()),
    ]
    _header(sheet, lists, columns)


def _relationships_sheet(book: Workbook, lists: _Lists, model: Model) -> None:
    types = sorted(model.type_by_name)
    meaning = "\n".join(f"{t.name}: {t.label.en} / {t.label.zh}" for t in model.relationship_types)
    end = _STEPS[2]
    attributes = {a.name: a for t in model.relationship_types for a in t.attributes}
    columns = [
        _Column("type", [meaning], required=True, values=types),
        _Column("from", [end], required=True),
        _Column("to", [end], required=True),
        _Column(
            "key", [Label(en="Tells apart two of one type between the same ends.", zh="区分相同两端之间的同类关系。")]
        ),
        *(_attribute(attribute) for attribute in attributes.values()),
    ]
    _header(book.create_sheet(RELATIONSHIPS_SHEET), lists, columns)


def _attribute(attribute: Attribute) -> _Column:
    notes: list[Label | str] = [attribute.label, *([attribute.description] if attribute.description else [])]
    notes.append(" ".join(_facts(attribute)))
    column = _Column(
        attribute.name, notes, required=attribute.required, values=() if attribute.many else attribute.values
    )
    column.is_text = attribute.type not in _NUMERIC
    return column


def _facts(attribute: Attribute) -> Iterator[str]:
    yield f"{attribute.type} ×n" if attribute.many else str(attribute.type)
    if attribute.unit:
        yield f"[{attribute.unit}]"
    if attribute.values:
        yield " | ".join(attribute.values)


def _header(sheet: Worksheet, lists: _Lists, columns: Sequence[_Column]) -> None:
    for at, column in enumerate(columns, 1):
        cell = sheet.cell(1, at, column.name)
        cell.font = _HEADER
        cell.fill = _REQUIRED if column.required else _OPTIONAL
        cell.comment = Comment(column.comment, "CMDB", height=160, width=320)
        letter = get_column_letter(at)
        sheet.column_dimensions[letter].width = max(14, len(column.name) + 4)
        if column.is_text:
            sheet.column_dimensions[letter].number_format = _TEXT
        if column.values:
            sheet.add_data_validation(lists.validation(column.values, f"{letter}2:{letter}{_LAST_ROW}"))
    sheet.freeze_panes = "A2"


def _instructions(book: Workbook, model: Model) -> None:
    sheet = book.worksheets[0]
    sheet.title = INSTRUCTIONS_SHEET
    rows = [("CMDB initialisation workbook", "CMDB 初始化工作簿"), ("Model", model.version), ("", "")]
    rows += [(step.en, step.zh) for step in _STEPS]
    rows += [("", ""), ("Sheet", "")]
    for row in rows:
        sheet.append(row)
    for found in sorted(model.classes, key=lambda c: c.name):
        if not found.abstract:
            sheet.append((found.name, f"{found.label.en} / {found.label.zh}"))
    sheet.column_dimensions["A"].width = sheet.column_dimensions["B"].width = 60
    sheet["A1"].font = _HEADER
