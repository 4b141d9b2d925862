"""The command line. This module knows the commands by name only; each is imported when it is called."""

from __future__ import annotations

import io
import os
import sys
from typing import cast

from cyclopts import App, CycloptsError

from cmdb.errors import EXIT, CmdbError, ErrorCode


def program_version() -> str:
    """The version that is installed; `unknown` in a checkout that is not."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("graph-cmdb")
    except PackageNotFoundError:
        return "unknown"


app = App(
    name="cmdb",
    help="A configuration management database whose graph is good enough to decide with.",
    help_format="plaintext",
    help_epilogue="Data goes to stdout, everything else to stderr. Start with `cmdb demo`.",
    version=program_version,
    version_flags=["--version"],
    print_error=False,
    exit_on_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)

for name, target, text in (
    ("init", "cmdb.cli.keeping:init", "Make an empty CMDB with the shipped model, or with one of your own."),
    ("demo", "cmdb.cli.demo:demo", "Import the example estate and ask it the users' questions."),
    ("serve", "cmdb.cli.serving:serve", "Serve GraphQL on loopback."),
    ("doctor", "cmdb.cli.keeping:doctor", "Say what this machine has and lacks, and how the store is."),
    ("import", "cmdb.cli.importing:import_", "Take in files: workbook, compose, kubernetes, netbox, debian, ndjson."),
    ("export", "cmdb.cli.exporting:export", "Write the whole graph as lines of JSON, now or as of a moment."),
    ("ci", "cmdb.cli.ci:app", "List, show, alter, link and retire configuration items and records."),
    ("query", "cmdb.cli.questions:query", "Find nodes by words or by a filter."),
    ("impact", "cmdb.cli.impact:impact", "What fails if these nodes fail, why, and who feels it."),
    ("spof", "cmdb.cli.spof:spof", "What is one failure away from taking a service down, and by which path."),
    (
        "depends",
        "cmdb.cli.questions:depends",
        "What these nodes need, or what needs them: how far away, by which path.",
    ),
    ("baseline", "cmdb.cli.baseline:app", "Record, list, verify and compare baselines, and plan the way back to one."),
    ("path", "cmdb.cli.questions:path", "A shortest chain of dependencies from one node to another."),
    ("change", "cmdb.cli.change:app", "Draft changes, weigh them, and take them step by step to their close."),
    ("release", "cmdb.cli.release:app", "Plan releases, prove and accept them, deploy them, and back them out."),
    ("model", "cmdb.cli.model:app", "Show the model, compare two, and put a new one in force."),
    ("report", "cmdb.cli.report:app", "Report the status of an item: version, place, master copy, needs, history."),
    ("ledger", "cmdb.cli.ledger:app", "Show and verify the chain of commits."),
    ("backup", "cmdb.cli.keeping:backup", "Write everything into one file."),
    ("restore", "cmdb.cli.keeping:restore", "Make a CMDB again from a backup."),
    ("neo4j", "cmdb.cli.neo4j:app", "Run a local Neo4j server, from Maven, on loopback."),
    ("version", "cmdb.cli.keeping:version", "Print the program's version."),
):
    app.command(target, name=name, help=text)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # A terminal that lacks a character still shows the others.
    cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    from graph_schema.errors import ModelError

    try:
        outcome = app(arguments or ["--help"])
    except CycloptsError as error:
        _say(str(error), "see `cmdb --help`, or `cmdb COMMAND --help`")
        return EXIT[ErrorCode.USAGE]
    except CmdbError as error:
        _say(error.message, error.remedy, [str(p) for p in error.problems])
        return EXIT[error.code]
    except ModelError as error:
        _say("the model cannot be used", "correct these places", [str(p) for p in error.problems])
        return EXIT[ErrorCode.INVALID]
    except KeyboardInterrupt:
        _say("interrupted; what was committed stays, nothing is half done", "run it again to go on")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return outcome if isinstance(outcome, int) else 0


def _say(message: str, remedy: str, details: list[str] | None = None) -> None:
    lines = [f"cmdb: {message}", *(f"  {detail}" for detail in (details or [])[:50])]
    if details and len(details) > 50:
        lines.append(f"  … and {len(details) - 50} more")
    if remedy:
        lines.append(f"  → {remedy}")
    sys.stderr.write("\n".join(lines) + "\n")
