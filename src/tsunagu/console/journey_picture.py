"""The picture of a journey: boxes with who is there, lines with who passed, the holdout aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tsunagu.console.graph import HEIGHT, WIDTH, Edge, Placed, curve, lay_out
from tsunagu.console.markup import Html, div, el, icon, link, span
from tsunagu.console.visit import Visit
from tsunagu.console.words import journeys
from tsunagu.core.times import parse_duration
from tsunagu.journeys import HOLDOUT_NODE, End, Journey, Node, Send, Wait

ENTRY = "\x1fentry"


@dataclass(frozen=True)
class Traffic:
    """People by node, now and at their end, what nodes did by outcome, the arms' sizes."""

    here: dict[str, int]
    finished: dict[str, int]
    outcomes: dict[tuple[str, str], int]
    treated: int
    holdout: int

    def outcome(self, node: str, *beginnings: str) -> int:
        """How often a node ended in an outcome that begins so."""
        return sum(
            times
            for (at, outcome), times in self.outcomes.items()
            if at == node and outcome.startswith(beginnings)
        )


@dataclass(frozen=True)
class Line:
    """What stands beside an edge."""

    label: str
    passed: int


def draw_journey(
    visit: Visit,
    journey: Journey,
    traffic: Traffic,
    titles: Mapping[tuple[str, str], str],
    chosen: str,
) -> Html:
    """The whole picture; `chosen` is the node whose people stand beside it."""
    lines = _lines(visit, journey, traffic)
    nodes = [ENTRY, *journey.nodes]
    if journey.holdout:
        nodes.append(HOLDOUT_NODE)
    placed = lay_out(nodes, list(lines))
    boxes = [_box(visit, journey, traffic, titles, chosen, name, placed) for name in nodes]
    size = f"width:{placed.width:.0f}px;height:{placed.height:.0f}px"
    labels = [_label(visit, edge, line, placed) for edge, line in lines.items()]
    return div("graph", div("plane", _edges(placed), boxes, labels, style=size))


def _lines(visit: Visit, journey: Journey, traffic: Traffic) -> dict[Edge, Line]:
    found = {(ENTRY, journey.start): Line(visit.say(journeys.edge_treated), traffic.treated)}
    if journey.holdout:
        share = visit.formats.percent(journey.holdout, 0)
        label = visit.say(journeys.edge_holdout, share=share)
        found[ENTRY, HOLDOUT_NODE] = Line(label, traffic.holdout)
    for name, node in journey.nodes.items():
        if isinstance(node, Send):
            passed = traffic.outcome(name, "queued", "refused")
            found[name, node.next] = Line("", passed)
        elif isinstance(node, Wait):
            if node.event is not None and node.then is not None:
                label = visit.say(journeys.edge_event, event=node.event)
                found[name, node.then] = Line(label, traffic.outcome(name, "event:"))
            label = visit.say(journeys.edge_timeout, within=_within(visit, node))
            late = Line(label, traffic.outcome(name, "time passed"))
            if (name, node.otherwise) in found:
                both = found[name, node.otherwise]
                late = Line(f"{both.label} / {label}", both.passed + late.passed)
            found[name, node.otherwise] = late
    return found


def _within(visit: Visit, wait: Wait) -> str:
    return visit.formats.span(parse_duration(wait.within))


def _edges(placed: Placed) -> Html:
    paths = [
        el("path", d=curve(points), cls="way", marker_end="url(#tip)")
        for points in placed.ways.values()
    ]
    tip = el(
        "defs",
        el(
            "marker",
            el("path", d="M0 0L8 4L0 8Z", cls="tip"),
            id="tip",
            viewBox="0 0 8 8",
            refX="7",
            refY="4",
            markerWidth="6",
            markerHeight="6",
            orient="auto",
        ),
    )
    return el(
        "svg",
        tip,
        paths,
        width=f"{placed.width:.0f}",
        height=f"{placed.height:.0f}",
        aria_hidden="true",
    )


def _label(visit: Visit, edge: Edge, line: Line, placed: Placed) -> Html | None:
    x, y = _beside(placed.ways[edge])
    words = " · ".join(part for part in (line.label, visit.formats.number(line.passed)) if part)
    return span("way-label", words, style=f"left:{x:.0f}px;top:{y:.0f}px")


def _beside(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Where an edge's label stands: on its straight part, else a little past its middle."""
    if len(points) > 2:
        return points[1][0], (points[1][1] + points[2][1]) / 2
    (ax, ay), (bx, by) = points
    return (ax + bx) / 2 + (bx - ax) * 0.22, (ay + by) / 2


def _box(
    visit: Visit,
    journey: Journey,
    traffic: Traffic,
    titles: Mapping[tuple[str, str], str],
    chosen: str,
    name: str,
    placed: Placed,
) -> Html:
    glyph, colour, kind, title, note = _face(visit, journey, traffic, titles, name)
    x, y = placed.boxes[name]
    place = f"left:{x:.0f}px;top:{y:.0f}px;width:{WIDTH}px;min-height:{HEIGHT}px"
    here = traffic.here.get(name, 0)
    count = span("here", visit.count(journeys.here_now, here)) if name != ENTRY else None
    inside = (
        div("kind", span(f"badge {colour}", icon(glyph)), span("clip", kind), count),
        div("box-title", title, title=title),
        div("muted small clip", note) if note else None,
    )
    if name == ENTRY:
        return link(visit.to("audiences", journey.entry.audience), *inside, cls="box", style=place)
    address = visit.to("journeys", visit.parameters["name"], node=name)
    return link(address, *inside, cls="box on" if name == chosen else "box", style=place)


def _face(
    visit: Visit,
    journey: Journey,
    traffic: Traffic,
    titles: Mapping[tuple[str, str], str],
    name: str,
) -> tuple[str, str, str, str, str]:
    """Icon, colour, kind, title and note of a box."""
    if name == ENTRY:
        audience = journey.entry.audience
        title = titles.get(("audience", audience), audience)
        entered = visit.formats.number(traffic.treated + traffic.holdout)
        note = f"{visit.say(journeys.entered)} {entered}"
        return "login", "teal", visit.say(journeys.entry_node), title, note
    if name == HOLDOUT_NODE:
        kind, title = visit.say(journeys.holdout_node), visit.say(journeys.holdout_text)
        return "visibility_off", "blue", kind, title, _finished(visit, traffic, name)
    return _node_face(visit, traffic, titles, name, journey.nodes[name])


def _finished(visit: Visit, traffic: Traffic, name: str) -> str:
    done = traffic.finished.get(name, 0)
    return visit.say(journeys.finished_here, n=visit.formats.number(done)) if done else ""


def _node_face(
    visit: Visit,
    traffic: Traffic,
    titles: Mapping[tuple[str, str], str],
    name: str,
    node: Node,
) -> tuple[str, str, str, str, str]:
    number = visit.formats.number
    if isinstance(node, Send):
        sent, refused = traffic.outcome(name, "queued"), traffic.outcome(name, "refused")
        note = visit.say(journeys.sent_refused, sent=number(sent), refused=number(refused))
        title = titles.get(("message", node.message), node.message)
        return "send", "green", visit.say(journeys.send_node), title, note
    if isinstance(node, End):
        note = _finished(visit, traffic, name)
        return "flag", "", visit.say(journeys.end_node), visit.say(journeys.end_text), note
    within = _within(visit, node)
    title = (
        visit.say(journeys.wait_event, event=node.event, within=within)
        if node.event
        else visit.say(journeys.wait_time, within=within)
    )
    return "hourglass_empty", "amber", visit.say(journeys.wait_node), title, ""


def node_title(
    visit: Visit, journey: Journey, titles: Mapping[tuple[str, str], str], name: str
) -> str:
    """What a node is called in a sentence."""
    if name == HOLDOUT_NODE:
        return visit.say(journeys.holdout_node)
    if name not in journey.nodes:
        return name
    if isinstance(journey.nodes[name], End):
        return visit.say(journeys.end_node)
    return _node_face(visit, Traffic({}, {}, {}, 0, 0), titles, name, journey.nodes[name])[3]
