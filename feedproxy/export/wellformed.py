"""A cheap check that a page is complete, before it replaces an older one. Pure.

`output.render` writes every end tag and escapes every "<" that is not part of a tag (HTML 5.2,
8.3), so a stack of open tags is enough.
"""

import re

_TAG = re.compile(rb"""<(/?)([a-z][a-z0-9]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
_VOID = frozenset(b"area base br col embed hr img input link meta source track wbr".split())
_DOCTYPE, _END = b"<!DOCTYPE html>\n", b"</html>"
# The HTML in an article's Markdown page, and what surrounds it; a blank line would end the HTML
# block (CommonMark 0.31, 4.6).
_BLOCK = re.compile(
    rb"\A### [^\n]+\n\n---\n\n#### [^\n]*\n\n\n(<div\b.*</div>)"
    rb"(?:\n<!-- feedproxy \{[^<>\n]*\} -->)?\n\n\n---\n\n[^\n]+\Z",
    re.DOTALL,
)
_BLANK = re.compile(rb"\n[ \t]*\n")


def find_fault_in_html(body: bytes) -> str:
    """Return what is wrong with an HTML page, "" if nothing is."""
    if not body.startswith(_DOCTYPE) or not body.rstrip().endswith(_END):
        return "its beginning or its end is missing"
    return _unbalanced(body.removeprefix(_DOCTYPE))


def find_fault_in_markdown(body: bytes) -> str:
    """Return what is wrong with an article's Markdown page, "" if nothing is."""
    block = _BLOCK.match(body)
    if block is None:
        return "its heading, its text or its original address is missing"
    return (
        "its text has a blank line, which ends it"
        if _BLANK.search(block[1])
        else _unbalanced(block[1])
    )


def _unbalanced(html: bytes) -> str:
    """Return what is wrong with the nesting of tags, "" if nothing is."""
    stack: list[bytes] = []
    count = 0
    for tag in _TAG.finditer(html):
        count += 1
        is_end, name = tag[1], tag[2]
        if name in _VOID:
            continue
        if not is_end:
            stack.append(name)
        elif not stack or stack.pop() != name:
            return f"</{name.decode()}> ends what did not begin"
    if stack:
        return f"<{stack[-1].decode()}> does not end"
    return "" if html.count(b"<") == count else "a < is no tag's"
