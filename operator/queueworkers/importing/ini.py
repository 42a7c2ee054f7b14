"""
Supervisor's configuration files, as sections of options with their lines.

What Python's configparser makes of them with Supervisor's own settings
(``supervisor/options.py``, ``UnhosedConfigParser``), which knows no lines:
``=`` or ``:`` between name and value, whole lines of comment with ``;`` or
``#``, comments behind a value after a blank, values that go on in indented
lines, names without regard to case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from queueworkers.importing.source import UnreadableSourceError

if TYPE_CHECKING:
    from queueworkers.importing.source import Source

_SECTION = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<name>.*?)\s*[=:]\s*(?P<value>.*)")
_COMMENT = re.compile(r"(?:^|\s)[;#].*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a section."""

    name: str
    """In lower case."""
    value: str
    """Without comments; lines that it goes on in are separated by line feeds."""
    file: str
    line: int
    """Where it begins, from 1 on."""


@dataclass(slots=True, kw_only=True)
class Section:
    """One section."""

    name: str
    file: str
    line: int
    options: dict[str, Option] = field(default_factory=dict)
    overruled: list[Option] = field(default_factory=list)
    """Options that are given again further down."""


def parse_ini(source: Source) -> tuple[Section, ...]:
    """
    Read a file's sections, of which each is there once.

    Raises:
        UnreadableSourceError: a line is none of an ini file's.
    """
    sections: dict[str, Section] = {}
    section: Section | None = None
    name = ""
    for number, line in enumerate(source.text.removeprefix("\ufeff").splitlines(), start=1):
        text = _COMMENT.sub("", line).strip()
        if not text:
            continue
        if line[0].isspace() and section is not None and name:
            _go_on(section, name, text)
        elif match := _SECTION.match(text):
            section = sections.setdefault(
                match["name"], Section(name=match["name"], file=source.name, line=number)
            )
            name = ""
        else:
            name = _add_option(section, text, source, number)
    return tuple(sections.values())


def _go_on(section: Section, name: str, text: str) -> None:
    begun = section.options[name]
    section.options[name] = Option(
        name=name, value=f"{begun.value}\n{text}", file=begun.file, line=begun.line
    )


def _add_option(section: Section | None, text: str, source: Source, number: int) -> str:
    match = _OPTION.fullmatch(text)
    if section is None:
        problem = "a section such as [program:worker] has to come first"
        raise UnreadableSourceError(file=source.name, line=number, problem=problem)
    if match is None or not match["name"]:
        problem = f'"{text[:60]}" is neither a [section] nor an option=value'
        raise UnreadableSourceError(file=source.name, line=number, problem=problem)
    option = Option(name=match["name"].lower(), value=match["value"], file=source.name, line=number)
    if option.name in section.options:
        section.overruled.append(section.options[option.name])
    section.options[option.name] = option
    return option.name
