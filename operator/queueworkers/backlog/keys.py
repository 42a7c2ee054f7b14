"""Redis keys: as servers have them, and as people read them."""

from __future__ import annotations


def encode(key: str) -> bytes:
    """Spell a key as the server has it: one pool with an odd name must not cost the others their reading."""
    return key.encode(errors="surrogatepass")


def printable(text: str) -> str:
    """Spell a key, or words of a server's, for people."""
    return "".join(character if character.isprintable() else "?" for character in text)
