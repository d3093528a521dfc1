"""The journey's graph: boxes never overlap, whatever the document says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tsunagu.console.graph import HEIGHT, WIDTH, curve, lay_out


def overlap(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return abs(a[0] - b[0]) < WIDTH and abs(a[1] - b[1]) < HEIGHT


@given(st.integers(1, 12), st.data())
def test_boxes_do_not_overlap_and_every_edge_is_drawn(count: int, data: st.DataObject) -> None:
    nodes = [f"n{i}" for i in range(count)]
    pairs = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)).filter(lambda e: e[0] != e[1])
    edges = sorted(data.draw(st.sets(pairs, max_size=20)))
    placed = lay_out(nodes, edges)
    boxes = list(placed.boxes.values())
    assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(0 <= x <= placed.width - WIDTH for x, _ in boxes)
    assert all(0 <= y <= placed.height - HEIGHT for _, y in boxes)
    assert set(placed.ways) == set(edges)
    assert all(curve(points).startswith("M") for points in placed.ways.values())


def test_a_journey_flows_down_and_a_loop_leads_back() -> None:
    nodes = ["entry", "mail", "wait", "second", "done"]
    edges = [
        ("entry", "mail"),
        ("mail", "wait"),
        ("wait", "done"),
        ("wait", "second"),
        ("second", "wait"),
        ("second", "done"),
    ]
    heights = {name: y for name, (_, y) in lay_out(nodes, edges).boxes.items()}
    assert heights["entry"] < heights["mail"] < heights["wait"] < heights["second"]
    assert heights["second"] < heights["done"]
