"""
A configuration file in PHP that returns an array, read without running it.

Literals, arrays, sums and `env()` are understood, which is what such files are
made of.  Anything else is an `Expression`: its text is kept, and nobody guesses
what it comes to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from queueworkers.importing.source import UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.importing.source import Source

MAX_DEPTH = 64
"""Deeper than any configuration is nested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """What only PHP can compute."""

    text: str
    """As it is written, on one line."""
    line: int
    default: PhpValue = None
    """What it comes to where the environment says nothing: the second argument of ``env()``; ``None`` where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One element of an array."""

    key: str | int
    value: PhpValue
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhpArray:
    """An array, in its order."""

    entries: tuple[Entry, ...]

    def get(self, key: str | int) -> Entry | None:
        """Return the element with a *key*."""
        return next((each for each in self.entries if each.key == key), None)

    def replaced_by(self, other: PhpArray) -> PhpArray:
        """Do as PHP's ``array_replace_recursive``: elements of *other* win by key, also those of lists."""
        merged = {each.key: each for each in self.entries}
        for each in other.entries:
            mine = merged.get(each.key)
            if mine is not None and isinstance(mine.value, PhpArray) and isinstance(each.value, PhpArray):
                merged[each.key] = Entry(
                    key=each.key, value=mine.value.replaced_by(each.value), line=each.line
                )
            else:
                merged[each.key] = each
        return PhpArray(entries=tuple(merged.values()))


PhpValue: TypeAlias = "str | int | float | bool | PhpArray | Expression | None"

_TOKEN = re.compile(
    r"""
    (?P<blank>   \s+ | //[^\n]* | \#(?!\[)[^\n]* | /\*.*?\*/ )
  | (?P<string>  '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
  | (?P<here>    <<<[ \t]*(?P<quote>['"]?)(?P<end>\w+)(?P=quote)\n.*?^[ \t]*(?P=end)\b )
  | (?P<number>  0[xX][0-9a-fA-F_]+ | 0[bB][01_]+ | (?:\d[\d_]*)?\.\d[\d_]*(?:[eE][+-]?\d+)? | \d[\d_]*(?:[eE][+-]?\d+)? )
  | (?P<name>    \\?[^\W\d]\w*(?:\\\w+)* )
  | (?P<variable> \$\w+ )
  | (?P<sign>    => | :: | \?-> | -> | \?\?=? | \.\.\. | [=!<>]=?=? | && | \|\| | . )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

_OPENING = {"[": "]", "(": ")", "{": "}"}
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_CASTS = frozenset({"int", "integer", "float", "string", "bool", "boolean"})
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "v": "\v",
    "f": "\f",
    "e": "\x1b",
    "\\": "\\",
    "$": "$",
    '"': '"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


class _NoLiteralError(Exception):
    """What comes is an expression."""


def parse_php_array(source: Source) -> PhpArray:
    """
    Read the array that a configuration file returns.

    Raises:
        UnreadableSourceError: the file is no PHP, returns no array, or a quote or bracket is not closed.
    """
    return _Parser(source).parse()


class _Parser:
    """Reads one file, from left to right."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = list(self._tokenise())
        self._at = 0
        self._depth = 0

    def parse(self) -> PhpArray:
        self._find_return()
        start = self._peek()
        value = self._value()
        if not isinstance(value, PhpArray):
            self._refuse(start.start, "the file has to return an array that is written out: return [ … ];")
        return value

    def _tokenise(self) -> Iterator[_Token]:
        text = self._source.text
        opening = re.search(r"<\?php\b", text)
        if opening is None:
            self._refuse(None, "this is no PHP file: it has to begin with <?php")
        at = opening.end()
        while at < len(text) and not text.startswith("?>", at):
            match = _TOKEN.match(text, at)
            if match is None:
                break
            kind = match.lastgroup or "sign"
            if match["string"] is None and match["sign"] in ("'", '"'):
                self._refuse(at, "a quote is opened and not closed")
            if match["sign"] == "/" and text.startswith("/*", at):
                self._refuse(at, "a comment is opened and not closed")
            if match["blank"] is None:
                kind = next(
                    each
                    for each in ("string", "here", "number", "name", "variable", "sign")
                    if match[each] is not None
                )
                yield _Token(kind=kind, text=match[0], start=at, end=match.end())
            at = match.end()
        yield _Token(kind="end", text="", start=len(text), end=len(text))

    def _find_return(self) -> None:
        """Go on to what the file itself returns, not a function in it."""
        depth = 0
        while (token := self._next()).kind != "end":
            if token.text in _OPENING and token.kind == "sign":
                depth += 1
            elif token.text in _OPENING.values() and token.kind == "sign":
                depth -= 1
            elif depth == 0 and token.kind == "name" and token.text.lower() == "return":
                return
        self._refuse(None, "the file returns nothing: a configuration file ends with return [ … ];")

    def _value(self) -> PhpValue:
        """Read whatever stands until the next comma, arrow or closing bracket."""
        start = self._at
        depth = self._depth
        try:
            value = self._sum()
        except _NoLiteralError:
            value = None
        else:
            if self._is_over(self._peek()):
                return value
        self._at, self._depth = start, depth
        return self._expression()

    def _sum(self) -> PhpValue:
        value = self._product()
        while self._peek().kind == "sign" and self._peek().text in ("+", "-", "."):
            sign = self._next().text
            other = self._product()
            if sign == "." and isinstance(value, str | int) and isinstance(other, str | int):
                value = f"{value}{other}"
            else:
                one, two = self._numbers(value, other)
                value = one + two if sign == "+" else one - two
        return value

    def _product(self) -> PhpValue:
        value = self._operand()
        while self._peek().kind == "sign" and self._peek().text == "*":
            self._next()
            one, two = self._numbers(value, self._operand())
            value = one * two
        return value

    @staticmethod
    def _numbers(one: PhpValue, two: PhpValue) -> tuple[int | float, int | float]:
        for each in (one, two):
            if isinstance(each, bool) or not isinstance(each, int | float):
                raise _NoLiteralError
        assert isinstance(one, int | float)  # noqa: S101 - just looked at, which the type checker does not see
        assert isinstance(two, int | float)  # noqa: S101 - likewise
        return one, two

    def _operand(self) -> PhpValue:
        token = self._next()
        match token.kind:
            case "string":
                return self._string(token)
            case "number":
                return _number(token.text)
            case "name":
                return self._named(token)
            case "sign" if token.text == "[":
                return self._array("]", token)
            case "sign" if token.text == "(":
                return self._bracketed(token)
            case "sign" if token.text == "-" and self._peek().kind == "number":
                return -_number(self._next().text)
        raise _NoLiteralError

    def _named(self, token: _Token) -> PhpValue:
        name = token.text.lower().lstrip("\\")
        calls = self._peek().text == "("
        if name in _LITERALS and not calls:
            return _LITERALS[name]
        if name == "array" and calls:
            self._next()
            return self._array(")", token)
        if name == "env" and calls:
            self._next()
            arguments = self._array(")", token)
            default = arguments.get(1)
            return Expression(
                text=self._text(token.start, self._tokens[self._at - 1].end),
                line=self._line(token.start),
                default=default.value if default else None,
            )
        raise _NoLiteralError

    def _bracketed(self, opened: _Token) -> PhpValue:
        """Read a cast with what it is applied to, or something in brackets."""
        token = self._peek()
        if token.text.lower() in _CASTS and self._tokens[self._at + 1].text == ")":
            self._at += 2
            return _cast(self._operand(), token.text.lower())
        value = self._sum()
        if self._next().text != ")":
            self._at = self._tokens.index(opened)
            raise _NoLiteralError
        return value

    def _array(self, closing: str, opened: _Token) -> PhpArray:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(opened.start, f"arrays are nested deeper than {MAX_DEPTH} times")
        entries: dict[str | int, Entry] = {}
        number = 0
        while self._peek().text != closing or self._peek().kind != "sign":
            start = self._peek()
            if start.kind == "end":
                self._refuse(opened.start, f'"{opened.text}" is opened and not closed')
            first = self._value()
            key: str | int
            if self._peek().text == "=>":
                self._next()
                key, value = self._key(first), self._value()
            else:
                key, value = number, first
            if isinstance(key, int):
                number = max(number, key + 1)
            entries[key] = Entry(key=key, value=value, line=self._line(start.start))
            token = self._peek()
            if token.text == ",":
                self._next()
            elif token.text != closing:
                found = f'"{token.text}"' if token.text else "the end of the file"
                at = opened.start if token.kind == "end" else token.start
                self._refuse(at, f'"," or "{closing}" has to come, and {found} does')
        self._next()
        self._depth -= 1
        return PhpArray(entries=tuple(entries.values()))

    @staticmethod
    def _key(value: PhpValue) -> str | int:
        """Make a key as PHP does: texts of digits become numbers, an expression stays its text."""
        if isinstance(value, Expression):
            return value.text
        if isinstance(value, str):
            return int(value) if re.fullmatch(r"0|-?[1-9]\d{0,17}", value) else value
        return int(value) if isinstance(value, int | float) else ""

    def _expression(self) -> Expression:
        """Read an expression as text."""
        first = self._peek()
        arrows = first.kind == "name" and first.text.lower() in ("fn", "static", "function", "match")
        closing: list[str] = []
        last = first
        while (token := self._peek()).kind != "end":
            if not closing and self._is_over(token) and not (arrows and token.text == "=>"):
                break
            if token.kind == "sign" and token.text in _OPENING:
                closing.append(_OPENING[token.text])
            elif token.kind == "sign" and closing and token.text == closing[-1]:
                closing.pop()
            last = self._next()
        if last is first and self._is_over(first):
            self._refuse(first.start, f'a value has to come, and "{first.text}" does')
        if closing:
            self._refuse(first.start, f'"{closing[-1]}" is missing')
        return Expression(text=self._text(first.start, last.end), line=self._line(first.start))

    @staticmethod
    def _is_over(token: _Token) -> bool:
        return token.kind == "end" or (token.kind == "sign" and token.text in (",", "]", ")", "}", ";", "=>"))

    def _string(self, token: _Token) -> str:
        inner = token.text[1:-1]
        if token.text[0] == "'":
            return re.sub(r"\\([\\'])", r"\1", inner)
        if re.search(r"(?<!\\)(?:\\\\)*(\$[A-Za-z_{]|\{\$)", inner):
            raise _NoLiteralError
        return re.sub(
            r"\\(u\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", _unescaped, inner, flags=re.DOTALL
        )

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _text(self, start: int, end: int) -> str:
        """Return a part of the file on one line, without comments."""
        parts = [each.text for each in self._tokens if start <= each.start and each.end <= end and each.text]
        written = " ".join(self._source.text[start:end].split())
        return written if not re.search(r"//|#|/\*", written) else " ".join(parts)

    def _line(self, at: int) -> int:
        return self._source.text.count("\n", 0, at) + 1

    def _refuse(self, at: int | None, problem: str) -> NoReturn:
        line = None if at is None else self._line(min(at, len(self._source.text)))
        raise UnreadableSourceError(file=self._source.name, line=line, problem=problem)


def _number(text: str) -> int | float:
    plain = text.replace("_", "").lower()
    if plain.startswith(("0x", "0b")):
        return int(plain, 0)
    if re.fullmatch(r"0[0-7]+", plain):
        return int(plain, 8)
    return int(plain) if plain.isdigit() else float(plain)


def _cast(value: PhpValue, kind: str) -> PhpValue:
    """Apply ``(int)`` and its like where that is plain; an expression is cast in its default."""
    if isinstance(value, Expression):
        return Expression(text=f"({kind}) {value.text}", line=value.line, default=_cast(value.default, kind))
    if kind.startswith("int") and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    if kind == "string" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _unescaped(match: re.Match[str]) -> str:
    said = match[1]
    try:
        if said.startswith("u{"):
            return chr(int(said[2:-1], 16))
        if re.fullmatch(r"x[0-9a-fA-F]{1,2}", said):
            return chr(int(said[1:], 16))
        if said[0] in "01234567":
            return chr(int(said, 8) & 0xFF)
    except (ValueError, OverflowError):
        return match[0]
    return _ESCAPES.get(said, match[0])


def spell_php(value: PhpValue) -> str:
    """Write a value as PHP does, on one line."""
    match value:
        case Expression():
            return value.text
        case PhpArray(entries=entries):
            listed = [each.key for each in entries] == list(range(len(entries)))
            return (
                "["
                + ", ".join(
                    spell_php(each.value) if listed else f"{spell_php(each.key)} => {spell_php(each.value)}"
                    for each in entries
                )
                + "]"
            )
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            return f"'{escaped}'"
    return str(value)
