"""Texts of the review queue: are these two one person?"""

from tsunagu.console.phrases import Phrase

reviews = Phrase("確認待ち", "To review")
sub = Phrase(
    "同じ人かどうか、モデルだけでは決められない組です。二つの記録を見比べて答えてください。",
    "Pairs the model cannot decide alone. Compare the two records and say what they are.",
)
none = Phrase("確認を待っている組はありません", "Nothing waits for review")
none_help = Phrase(
    "次のコマンドで計画を作って実行すると、確認が必要な組がここに並びます。",
    "Make and apply a plan with this command; pairs that need a person appear here.",
)
PLAN = "tsunagu identity match"
question = Phrase("この二人は同じ人ですか", "Are these two one person?")
answer_line = Phrase(
    "モデルの見込みは {share} です（重み {weight}）。違いがあるのは{n}項目です。",
    "The model says {share} (weight {weight}). {n} fields differ.",
    one="The model says {share} (weight {weight}). {n} field differs.",
)
merged = Phrase(
    "以前のモデルがこの二つの記録を一人のお客様に統合しましたが、いまのモデルには確信がありません。"
    "「別の人」と答えると、二人に分けます。",
    "An earlier model made these two records one customer; the model in use is not sure. "
    "“Different people” parts them.",
)
why = Phrase("なぜ、そう見込むのか", "Why does the model say so?")
why_answer = Phrase(
    "{prior} から始まり、一致と違いを足し合わせて {total} になります。",
    "From {prior} for any two records, agreements and differences add up to {total}.",
)
why_doubt = Phrase(
    "緑は同じ人らしさを高め、赤は低めた項目です。重みが1増えるごとに、見込みのオッズが2倍になります。",
    "Green speaks for one person, red against. Each step of 1 doubles the odds.",
)
rival_why = Phrase(
    "家族のように、同じ{column}の別人でも、これだけ一致することがあります。その分を差し引きます",
    "People who share the {column}, as a family does, can be as alike; that much is taken off",
)
start = Phrase("どの二件でも", "Any two records")
total = Phrase("合計", "Total")
same = Phrase("同じ人", "Same person")
different = Phrase("別の人", "Different people")
later = Phrase("あとで", "Later")
undo = Phrase("取り消す", "Undo")
previous = Phrase("前へ", "Previous")
following = Phrase("次へ", "Next")
progress = Phrase("残り {left}件 · 回答済み {done}件", "{left} left · {done} answered")
at_least = Phrase("{n}件以上", "{n} or more")
undone = Phrase("直前の回答を取り消しました。", "Your last answer was taken back.")
nothing_to_undo = Phrase(
    "この画面で取り消せる回答はありません。", "There is no answer of this sitting to take back."
)
failed = Phrase("この回答は保存されませんでした。", "That answer was not saved.")
