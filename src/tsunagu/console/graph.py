"""A journey's document laid out as a graph: layers from the entry down, few crossings.

The usual steps for layered drawings (Sugiyama, Tagawa and Toda 1981): longest-path layers,
stand-ins where an edge passes a layer, and sweeps that order each layer by its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT = 224, 84
COLUMN, LAYER = 256, 148
_SWEEPS = 6

Edge = tuple[str, str]


@dataclass(frozen=True)
class Placed:
    """Where everything stands: boxes by their upper left corner, edges as points to pass."""

    boxes: dict[str, tuple[float, float]]
    ways: dict[Edge, list[tuple[float, float]]]
    width: float
    height: float


def lay_out(nodes: Sequence[str], edges: Sequence[Edge]) -> Placed:
    """Places the nodes of a graph whose first node is its entry; edges may lead back."""
    layer = _layers(nodes, edges)
    chains = {edge: _chain(edge, layer) for edge in edges}
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for name in nodes:
        rows[layer[name]].append(name)
    for edge, chain in chains.items():
        for step, stand_in in enumerate(chain[1:-1], start=1):
            rows[layer[edge[0]] + step].append(stand_in)
    links = [pair for chain in chains.values() for pair in pairwise(chain)]
    _order(rows, links)
    spots = {
        name: ((index - (len(row) - 1) / 2) * COLUMN, float(number * LAYER))
        for number, row in enumerate(rows)
        for index, name in enumerate(row)
    }
    left = min(x for x, _ in spots.values()) - WIDTH / 2
    boxes = {name: (spots[name][0] - WIDTH / 2 - left, spots[name][1]) for name in nodes}
    ways = {edge: _way(chain, spots, left) for edge, chain in chains.items()}
    right = max(x for x, _ in spots.values()) + WIDTH / 2 - left
    return Placed(boxes, ways, right, (len(rows) - 1) * LAYER + HEIGHT)


def _layers(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Longest paths from the entry, without the edges that lead back."""
    following: dict[str, list[str]] = {name: [] for name in nodes}
    for a, b in edges:
        following[a].append(b)
    order, back = _walk(nodes, following)
    layer = dict.fromkeys(nodes, 0)
    for name in order:
        for after in following[name]:
            if (name, after) not in back:
                layer[after] = max(layer[after], layer[name] + 1)
    return layer


def _walk(
    nodes: Sequence[str], following: Mapping[str, Sequence[str]]
) -> tuple[list[str], set[Edge]]:
    """Nodes with those before that lead to them, and the edges that lead back to such a one."""
    left: list[str] = []
    back: set[Edge] = set()
    seen: set[str] = set()
    on_the_way: set[str] = set()

    def walk(name: str) -> None:
        seen.add(name)
        on_the_way.add(name)
        for after in following[name]:
            if after in on_the_way:
                back.add((name, after))
            elif after not in seen:
                walk(after)
        on_the_way.discard(name)
        left.append(name)

    for name in nodes:
        if name not in seen:
            walk(name)
    return left[::-1], back


def _chain(edge: Edge, layer: Mapping[str, int]) -> list[str]:
    """The edge's ends with a stand-in for each layer between them."""
    a, b = edge
    between = max(0, layer[b] - layer[a] - 1)
    return [a, *(f"{a}\x1f{b}\x1f{step}" for step in range(between)), b]


def _order(rows: list[list[str]], links: Sequence[Edge]) -> None:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for a, b in links:
        below.setdefault(a, []).append(b)
        above.setdefault(b, []).append(a)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        order = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for number in order:
            other = rows[number - 1 if down else number + 1]
            place = {name: index - (len(other) - 1) / 2 for index, name in enumerate(other)}
            near = above if down else below
            rows[number].sort(key=lambda name: _middle(near.get(name, ()), place))


def _middle(neighbours: Sequence[str], place: Mapping[str, float]) -> float:
    known = [place[name] for name in neighbours if name in place]
    return sum(known) / len(known) if known else 0.0


def _way(
    chain: Sequence[str], spots: Mapping[str, tuple[float, float]], left: float
) -> list[tuple[float, float]]:
    points = [(spots[chain[0]][0] - left, spots[chain[0]][1] + HEIGHT)]
    for stand_in in chain[1:-1]:
        x, y = spots[stand_in]
        points += [(x - left, y), (x - left, y + HEIGHT)]
    points.append((spots[chain[-1]][0] - left, spots[chain[-1]][1]))
    return points


def curve(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path through the points, straight beside boxes and bent between layers."""
    x, y = points[0]
    drawn = [f"M{x:.1f} {y:.1f}"]
    for index in range(1, len(points)):
        ax, ay = points[index - 1]
        bx, by = points[index]
        if index % 2 == 0 or ax == bx:
            drawn.append(f"L{bx:.1f} {by:.1f}")
        else:
            bend = (by - ay) / 2
            drawn.append(f"C{ax:.1f} {ay + bend:.1f} {bx:.1f} {by - bend:.1f} {bx:.1f} {by:.1f}")
    return "".join(drawn)
