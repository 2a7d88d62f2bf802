"""Apply a site's rules, in ftr-site-config's vocabulary, to a page's tree, in place."""

from feedproxy import markup
from feedproxy.markup import Element
from feedproxy.model import ArticleRules

# Elements that are part of no article, on any site.
_NEVER = (
    "//script | //style | //template | //iframe | //*[local-name()='twitter-widget']"
    " | //ins[contains(@class,'adsbygoogle')]"
)


def apply_rules(root: Element, rules: ArticleRules) -> None:
    """Wrap and strip what the rules name, and give lazy pictures their address, in place."""
    for tag, expression in rules.wrap_in:
        for element in markup.elements_at(root, expression):
            _wrap(element, tag)
    markup.drop(markup.elements_at(root, _NEVER))
    for expression in rules.strip:
        markup.drop(markup.elements_at(root, expression))
    for expression in rules.strip_attr:
        _strip_attributes(root, expression)
    for word in rules.strip_id_or_class:
        markup.drop(
            [element for element in root.xpath("//*[@id or @class]") if _named(element, word)]
        )
    for part in rules.strip_image_src:
        markup.drop([image for image in root.iter("img") if part in image.get("src", "")])
    markup.unlazy(root, rules.src_lazy_load_attr)


def find_body(root: Element, rules: ArticleRules) -> Element | None:
    """Return one element with all that the first matching body expression finds, else None."""
    found = markup.select_elements(root, rules.body)
    if not found:
        return None
    body = markup.new_element("div")
    for element in found:
        element.tail = None
        body.append(element)
    return found[0] if len(found) == 1 else body


def _named(element: Element, word: str) -> bool:
    return word in element.get("class", "").split() or word in element.get("id", "").split()


def _strip_attributes(root: Element, expression: str) -> None:
    for element, name in markup.attributes_at(root, expression):
        element.attrib.pop(name, None)


def _wrap(element: Element, tag: str) -> None:
    parent = element.getparent()
    if parent is None:
        return
    wrapper = markup.new_element(tag)
    wrapper.tail, element.tail = element.tail, None
    parent.replace(element, wrapper)
    wrapper.append(element)
