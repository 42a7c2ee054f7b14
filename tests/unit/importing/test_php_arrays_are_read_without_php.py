"""A configuration file in PHP is read, not run; what only PHP can compute stays as it is written."""

from __future__ import annotations

from typing import Any

import pytest

from queueworkers.importing.php_arrays import Expression, PhpArray, PhpValue, parse_php_array, spell_php
from queueworkers.importing.source import UnreadableSourceError
from unit.importing.given import written

LITERALS = r"""<?php
declare(strict_types=1);
namespace App\Config; use Illuminate\Support\Str;
function unrelated() { return ['not' => 'this']; }
return [ // a comment, with ] and '
    'single' => 'it\'s \n \\ here', "double" => "tab\t \x41\u{5546}\$x \q",
    'numbers' => [0, -7, 1_000, 0x1F, 0b101, 017, 1.5, 2e3],
    'old' => array('a', array(1 => 'x', 'y', 'k' => null), ), # trailing comma
    'sums' => 60 * 60 + 5 - 1 * 2, 'joined' => 'a'.'b' . 1,
    'words' => [true, FALSE, Null, \true],
    '5' => 'five', 'six', 'twice' => 1, 'twice' => 2,
    /* ] */ 'brackets' => (1 + 2) * 3, 'cast' => (int) '42',
];
echo 'never';
"""


def plain(value: PhpValue) -> Any:
    """Make of a value what PHP's own json_encode would."""
    if not isinstance(value, PhpArray):
        return value
    if [each.key for each in value.entries] == list(range(len(value.entries))):
        return [plain(each.value) for each in value.entries]
    return {str(each.key): plain(each.value) for each in value.entries}


def test_literals_are_read() -> None:
    """Quotes, numbers, nested arrays of both kinds, comments, sums, keys that PHP makes itself."""
    assert plain(parse_php_array(written("a.php", LITERALS))) == {
        "single": r"it's \n \ here",
        "double": "tab\t A商$x \\q",
        "numbers": [0, -7, 1000, 31, 5, 15, 1.5, 2000.0],
        "old": ["a", {"1": "x", "2": "y", "k": None}],
        "sums": 3603,
        "joined": "ab1",
        "words": [True, False, None, True],
        "5": "five",
        "6": "six",
        "twice": 2,
        "brackets": 9,
        "cast": 42,
    }


@pytest.mark.parametrize(
    ("text", "expression", "default"),
    [
        ("env('A')", "env('A')", None),
        ("env('A', 5)", "env('A', 5)", 5),
        ("(int) env('A', '5')", "(int) env('A', '5')", 5),
        ("config('app.name')", "config('app.name')", None),
        ("Str::slug(env('A', 'b'), '_').'_x'", "Str::slug(env('A', 'b'), '_').'_x'", None),
        ('"a {$b}"', '"a {$b}"', None),
        ("$a", "$a", None),
        ("env('A', 1) * 60", "env('A', 1) * 60", None),
        ("PHP_INT_MAX", "PHP_INT_MAX", None),
        ("App\\Jobs\\Mail::class", "App\\Jobs\\Mail::class", None),
        ("fn () => ['a', 'b']", "fn () => ['a', 'b']", None),
        ("function ($x) { return [1, 2]; }", "function ($x) { return [1, 2]; }", None),
        ("$x ? 1 : 2 // why", "$x ? 1 : 2", None),
        ("<<<'END'\n a\n END", "<<<'END' a END", None),
        ("10 / 4", "10 / 4", None),
    ],
)
def test_what_only_php_can_compute_is_kept_as_text(text: str, expression: str, default: PhpValue) -> None:
    """And the element behind it is found all the same."""
    array = parse_php_array(written("a.php", f"<?php return ['a' => {text}\n, 'b' => 1];"))
    kept, behind = (each.value for each in array.entries)
    assert isinstance(kept, Expression)
    assert (kept.text, kept.default, behind) == (expression, default, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a.php: this is no PHP file: it has to begin with <?php"),
        ("<?php $a = [];", "a.php: the file returns nothing: a configuration file ends with return [ … ];"),
        ("<?php\nreturn require 'x.php';", "a.php:2: the file has to return an array that is written out"),
        ("<?php\nreturn [\n'a' => 1", 'a.php:2: "," or "]" has to come, and the end of the file does'),
        ("<?php\nreturn [\n'a' => 1;", 'a.php:3: "," or "]" has to come, and ";" does'),
        ("<?php\nreturn [\n'a => 1];", "a.php:3: a quote is opened and not closed"),
        ("<?php\nreturn [ /* 'a' => 1];", "a.php:2: a comment is opened and not closed"),
        ("<?php\nreturn ['a' => ];", 'a.php:2: a value has to come, and "]" does'),
        ("<?php\nreturn ['a' => f(1;", 'a.php:2: ")" is missing'),
        ("<?php\nreturn ['a' => [1)];", 'a.php:2: "," or "]" has to come, and ")" does'),
        ("<?php return " + "[" * 5000, "a.php:1: arrays are nested deeper than 64 times"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, says: str) -> None:
    """One sentence, with the file and where in it."""
    with pytest.raises(UnreadableSourceError) as refused:
        parse_php_array(written("a.php", text))
    assert says in str(refused.value)


def test_arrays_replace_each_other_as_in_php() -> None:
    """By key, also the numbers of a list."""
    one = parse_php_array(
        written("a.php", "<?php return ['q' => ['a', 'b', 'c'], 'n' => ['x' => 1], 's' => 1];")
    )
    two = parse_php_array(written("b.php", "<?php return ['q' => ['d'], 'n' => ['y' => 2], 's' => [1]];"))
    assert plain(one.replaced_by(two)) == {"q": ["d", "b", "c"], "n": {"x": 1, "y": 2}, "s": [1]}


def test_values_are_spelled_as_php_does() -> None:
    """On one line, so that a comment can have them."""
    array = parse_php_array(
        written("a.php", r"<?php return ['a' => [1, 'it\'s'], 'b' => null, 'c' => env('X')];")
    )
    assert spell_php(array) == r"['a' => [1, 'it\'s'], 'b' => null, 'c' => env('X')]"
