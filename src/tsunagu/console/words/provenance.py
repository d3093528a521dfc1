"""Texts about where the value of a trait comes from."""

from tsunagu.console.phrases import Phrase

source_unknown = Phrase("届け元は不明", "source not kept")
STRATEGIES = {
    "latest": Phrase("最新の値", "latest value"),
    "source_priority": Phrase("優先する届け元", "preferred source"),
    "most_frequent": Phrase("最も多く届いた値", "said most often"),
    "longest_held": Phrase("最も長く続いた値", "held longest"),
}
others = Phrase("採用していない値 {n}件", "{n} other values", one="{n} other value")
overfull = Phrase(
    "届いた値が多すぎるため、最新の値を使っています。",
    "More values were said than are kept, so the latest one holds.",
)
from_to = Phrase("{first} から {last}", "{first} to {last}")
times = Phrase("{n}回", "{n} times", one="once")
