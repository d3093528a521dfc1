"""Texts of what was decided about a customer, and of taking it back."""

from tsunagu.console.phrases import Phrase

decisions = Phrase("判断の履歴", "Decisions")
sub = Phrase(
    "誰が、いつ、同じ人・別の人と判断したかを示します。判断は取り消せます。",
    "Who decided, and when, that this is one person or are two. A decision can be taken back.",
)
none = Phrase("判断はまだありません", "Nobody has decided anything")
none_help = Phrase(
    "記録だけで結び付いています。まとめる・分ける・別の人のままにすると、ここに残ります。",
    "Records alone say who this is. What is merged, parted or kept apart stands here.",
)
NAMES = {
    "Identity Merged": (Phrase("まとめた", "Merged"), "merge"),
    "Identity Parted": (Phrase("分けた", "Parted"), "call_split"),
    "Identity Kept Apart": (Phrase("別の人のまま", "Kept apart"), "block"),
}
between = Phrase("{left} と {right}", "{left} and {right}")
more = Phrase("{left} ほか{n}件", "{left} and {n} more", one="{left} and one more")
undo = Phrase("取り消す", "Undo")
ask = Phrase("この判断を取り消しますか", "Take this decision back?")
parts = Phrase(
    "根拠に沿ってふたたび二人に分けます。取り消された同意は、両方で取り消されたままです。",
    "They are parted again along the evidence. A withdrawn consent stays withdrawn on both sides.",
)
merges = Phrase(
    "ふたたび一人にまとめます。同意が食い違うときは、厳しいほうを守ります。",
    "They are merged again. Where their consents differ, the stricter word holds.",
)
waiting = Phrase("取り消しを受け付けました。", "The undo is on its way.")
undone = Phrase("判断を取り消しました。", "The decision was taken back.")
REASONS = {
    "apart": Phrase("まとめると解けます", "A merge lifts it"),
    "gone": Phrase("取り消し済み", "No longer holds"),
    "joined": Phrase("ほかの記録でも結び付いています", "Other records join them too"),
}
"""Why a decision is not undone from here."""
