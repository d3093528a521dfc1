"""The picture of evidence: identifiers as boxes, left to right from the first, records as lines.

A list of the same records stands beside it, for phones and for readers of screens.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tsunagu.console.markup import Html, div, el, span
from tsunagu.console.visit import Visit
from tsunagu.console.words import identity
from tsunagu.identity import Evidence, Identifier

MOST_BOXES = 24
WIDTH, HEIGHT = 250, 56
COLUMN, ROW = 470, 72


@dataclass(frozen=True)
class Spread:
    """Upper left corners of the boxes in pixels, and the size of the whole."""

    boxes: dict[Identifier, tuple[float, float]]
    width: float
    height: float


def spread(identifiers: Sequence[Identifier], edges: Sequence[Evidence]) -> Spread:
    """Places identifiers in columns by how many records they are away from the first one."""
    near: dict[Identifier, list[Identifier]] = {one: [] for one in identifiers}
    for edge in edges:
        a, b = ends(edge)
        if a in near and b in near:
            near[a].append(b)
            near[b].append(a)
    boxes: dict[Identifier, tuple[float, float]] = {}
    top = 0.0
    for root in sorted(identifiers, key=lambda one: -len(near[one])):
        if root not in boxes:
            top = _component(root, near, boxes, top)
    columns = max((x for x, _ in boxes.values()), default=0.0)
    return Spread(boxes, columns + WIDTH, max(top - (ROW - HEIGHT), HEIGHT))


def _component(
    root: Identifier,
    near: dict[Identifier, list[Identifier]],
    boxes: dict[Identifier, tuple[float, float]],
    top: float,
) -> float:
    columns: list[list[Identifier]] = [[root]]
    seen = {root}
    while columns[-1]:
        following = [b for a in columns[-1] for b in near[a] if b not in seen]
        columns.append(list(dict.fromkeys(following)))
        seen.update(following)
    tallest = max(len(column) for column in columns)
    for number, column in enumerate(columns):
        start = top + (tallest - len(column)) * ROW / 2
        for index, one in enumerate(column):
            boxes[one] = (float(number * COLUMN), start + index * ROW)
    return top + tallest * ROW


def ends(edge: Evidence) -> tuple[Identifier, Identifier]:
    """The two identifiers that a record ties together."""
    return (edge.kind_a, edge.value_a), (edge.kind_b, edge.value_b)


def grounds(visit: Visit, edge: Evidence) -> str:
    """Where a piece of evidence comes from, or who decided it."""
    if edge.kind == "observed":
        return edge.source
    words = identity.DECIDERS[edge.kind]
    by = edge.decided_by or "—"
    weight = "—" if edge.weight is None else f"{edge.weight:+.1f}"
    return visit.say(words, by=by, weight=weight)


def draw_evidence(
    visit: Visit,
    identifiers: Sequence[Identifier],
    edges: Sequence[Evidence],
    held: Collection[Identifier],
) -> Html:
    """The picture of at most `MOST_BOXES` identifiers."""
    shown = list(identifiers[:MOST_BOXES])
    placed = spread(shown, edges)
    lines = [e for e in edges if all(end in placed.boxes for end in ends(e))]
    paths = [
        el("path", d=_curve(placed, edge), cls="way cut" if edge.cut else "way") for edge in lines
    ]
    size = f"width:{placed.width:.0f}px;height:{placed.height:.0f}px"
    svg = el("svg", paths, width=f"{placed.width:.0f}", height=f"{placed.height:.0f}")
    boxes = [_box(visit, one, placed, one == shown[0], one in held) for one in shown]
    labels = [_label(visit, edge, placed) for edge in lines]
    plane = div("plane evidence-plane", svg, boxes, labels, style=size)
    return div(
        "graph evidence-graph", plane, role="img", aria_label=visit.say(identity.graph_label)
    )


def _box(visit: Visit, one: Identifier, placed: Spread, first: bool, held: bool) -> Html:
    x, y = placed.boxes[one]
    mark = span("here small", visit.say(identity.first_identifier)) if first else None
    if held:
        mark = span("here small amber-ink", visit.say(identity.first_held))
    return div(
        f"box evidence-box{' held' if held else ''}",
        div("kind", span("mono clip", one[0]), mark),
        div("strong clip", one[1], title=one[1]),
        style=f"left:{x:.0f}px;top:{y:.0f}px;width:{WIDTH}px;height:{HEIGHT}px",
    )


def _sides(placed: Spread, edge: Evidence) -> tuple[float, float, float, float, bool]:
    """The middle of the right side of the left box, of the left side of the right one."""
    a, b = sorted((placed.boxes[end] for end in ends(edge)), key=lambda corner: corner[0])
    beside = a[0] == b[0]
    end_x = b[0] + WIDTH if beside else b[0]
    return a[0] + WIDTH, a[1] + HEIGHT / 2, end_x, b[1] + HEIGHT / 2, beside


def _curve(placed: Spread, edge: Evidence) -> str:
    ax, ay, bx, by, beside = _sides(placed, edge)
    bend = 46.0 if beside else (bx - ax) / 2
    end = bx + bend if beside else bx - bend
    return f"M{ax:.0f} {ay:.0f}C{ax + bend:.0f} {ay:.0f} {end:.0f} {by:.0f} {bx:.0f} {by:.0f}"


def _label(visit: Visit, edge: Evidence, placed: Spread) -> Html:
    ax, ay, bx, by, beside = _sides(placed, edge)
    x = ax + 44 if beside else bx - (bx - ax) * 0.46
    y = (ay + by) / 2 if beside else ay + (by - ay) * 0.62
    words = f"{grounds(visit, edge)} · {visit.formats.day(edge.at)}"
    return span(
        "way-label evidence-label clip", words, style=f"left:{x:.0f}px;top:{y:.0f}px", title=words
    )
