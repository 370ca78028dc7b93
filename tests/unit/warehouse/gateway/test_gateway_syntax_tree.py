"""The engine's listing of a syntax tree, read."""

from __future__ import annotations

import time

import pytest

from warehouse.gateway.syntax_tree import UnreadableTree, read_tree

LISTING = """SelectWithUnionQuery (children 1)
 ExpressionList (children 1)
  SelectQuery (children 2)
   ExpressionList (children 2)
    Function plus (alias x (alias y)) (children 1)
     ExpressionList (children 2)
      Identifier a
      Literal 'it (alias b) (children 9)'
    Identifier c (alias d)
   TablesInSelectQuery (children 1)
    TablesInSelectQueryElement (children 1)
     TableExpression (children 1)
      TableIdentifier pitboss.bets (alias b)
"""


def test_nodes_have_their_names_depths_and_parents() -> None:
    nodes = read_tree(LISTING)
    named = {(node.kind, node.name) for node in nodes if node.name}
    assert named == {
        ("Function", "plus"),
        ("Identifier", "a"),
        ("Literal", "'it (alias b) (children 9)'"),
        ("Identifier", "c"),
        ("TableIdentifier", "pitboss.bets"),
    }
    function = next(node for node in nodes if node.kind == "Function")
    assert [child.name for child in function.children[0].children][:1] == ["a"]
    select = function.ancestor("SelectQuery")
    assert select is not None
    assert [*select.tables()] == ["pitboss.bets"]


@pytest.mark.parametrize("listing", ["", "\n", " Indented", "A\n\tB\n \x0b"])
def test_what_is_no_tree_is_refused(listing: str) -> None:
    with pytest.raises(UnreadableTree):
        read_tree(listing)


@pytest.mark.parametrize("text", [" (alias ", " (alias )", " (children 1) ", "  "])
def test_no_literal_takes_long_to_read(text: str) -> None:
    began = time.monotonic()
    literal = f"'{text * 30_000}x'"
    nodes = read_tree(f"SelectQuery (children 1)\n Literal {literal}\n")
    assert time.monotonic() - began < 1
    assert nodes[1].name == literal
