"""docs/api.html is made from openapi.yaml as it is, and needs nothing but itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from contract.document import Document
from contract.examples import pretty
from contract.fields import fields, kind
from contract.page import PAGE, render

DOCUMENT = Document.read()
HTML = render(DOCUMENT)
# Elements that have no end.
VOID = ("meta", "link", "br", "hr", "img", "input")
FETCHED = ("src", "srcset", "data", "poster", "action", "background")


class Page(HTMLParser):
    """What the tests ask of a page; fails where elements do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [found["href"] or ""] if "href" in found else []
        self.fetched += [str(value) for name, value in attrs if name in FETCHED]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, self.getpos()

    def close(self) -> None:
        super().close()
        assert self._open == []


@pytest.fixture(scope="module")
def page() -> Page:
    parsed = Page()
    parsed.feed(HTML)
    parsed.close()
    return parsed


def test_the_page_is_the_one_that_the_document_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == HTML, "make it anew: python -m contract"


def test_the_page_fetches_nothing(page: Page) -> None:
    assert page.fetched == []
    assert not {"link", "img", "iframe", "object", "embed", "base"}.intersection(page.tags)
    assert all(link.startswith("#") for link in page.links)
    assert not re.search(r"@import|url\(", HTML)
    assert "default-src 'none'" in HTML


def test_every_link_leads_somewhere(page: Page) -> None:
    assert len(set(page.ids)) == len(page.ids)
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_every_call_status_and_type_is_on_the_page(page: Page) -> None:
    for operation in DOCUMENT.operations:
        assert operation.id in page.ids
        section = HTML.partition(f'id="{operation.id}"')[2]
        section = re.split('class="call"|id="problems"', section)[0]
        assert re.findall(r'"status s.">(\d+)', section) == list(operation.responses)
        for part in operation.parameters:
            assert part.node["name"] in section
    for one in DOCUMENT.part("/components/schemas/ProblemType").node["oneOf"]:
        assert one["const"].rpartition(":")[2] in page.ids


def test_text_of_the_document_is_no_html() -> None:
    tree = {**DOCUMENT.tree, "info": {**DOCUMENT.tree["info"], "description": "<script>a</script> `<b>`"}}
    assert "<script>a" not in render(Document(tree))


def test_members_are_listed_with_their_paths_and_bounds() -> None:
    found = {field.path: field for field in fields(DOCUMENT, {"$ref": "#/components/schemas/OrderRequest"})}
    assert list(found) == ["id_client", "products", "products[].id_product", "products[].quantity"]
    assert found["products"].kind == "array, 1 to 100 items"
    assert found["products[].id_product"].kind == "integer, 1 to 2^63-1"
    assert found["products[].id_product"].required


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"const": "a"}, "always `a`"),
        ({"enum": ["a", "b"]}, "one of `a`, `b`"),
        ({"type": ["integer", "null"]}, "integer or null"),
        ({"type": "number", "minimum": 0, "maximum": 999999999999.99}, "number, 0 to 999999999999.99"),
        ({"type": "string", "minLength": 1}, "string, from 1 characters"),
        ({"type": "string", "pattern": "a+"}, "string, `a+`"),
        ({"type": "object", "minProperties": 1}, "object, at least 1 member"),
        ({"oneOf": [{"type": "number"}, {"type": "string"}]}, "number or string"),
    ],
)
def test_what_a_value_may_be_is_told_in_words(schema: dict[str, object], words: str) -> None:
    assert kind(DOCUMENT, schema) == words


def _values() -> Iterator[object]:
    for operation in DOCUMENT.operations:
        for response in operation.responses.values():
            for content in response.node.get("content", {}).values():
                yield from (example["value"] for example in content["examples"].values())


def test_examples_are_shown_as_they_are() -> None:
    values = list(_values())
    assert values
    assert all(json.loads(pretty(value)) == value for value in values)
