"""Values in Markdown: what a record holds stays plain text, whatever it looks like."""

from __future__ import annotations

import re

_INLINE = re.compile(r"[\\`*\[\]<]|(?<![^\W_])_|_(?![^\W_])|&(?=[#A-Za-z])")
"""What begins or ends something within a line; a `_` between letters or digits does not."""
_BLOCK = re.compile(r"^([ \t]*)(>|#{1,6}(?=\s|$)|[-+=](?=[\s=-]|$)|~(?=~~))", re.MULTILINE)
"""What makes a line a heading, a list, a quotation or a line across the page."""
_NUMBERED = re.compile(r"^([ \t]*\d{1,9})([.)])(?=\s|$)", re.MULTILINE)
_INDENTED = re.compile(r"^[ \t]*(\t| {4})[ \t]*", re.MULTILINE)


def plain_in_markdown(value: str) -> str:
    """A text as Markdown that shows exactly that text.

    >>> plain_in_markdown("[x](http://evil) **Acme** & snake_case"), plain_in_markdown("# 1"), plain_in_markdown("2. a-b")
    ('\\\\[x\\\\](http://evil) \\\\*\\\\*Acme\\\\*\\\\* & snake_case', '\\\\# 1', '2\\\\. a-b')
    """
    made = _INDENTED.sub("   ", _INLINE.sub(r"\\\g<0>", value))
    return _NUMBERED.sub(r"\1\\\2", _BLOCK.sub(r"\1\\\2", made))
