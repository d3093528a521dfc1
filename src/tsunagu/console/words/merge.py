"""Texts of merging two customers: whom with, what changes, and how it went."""

from tsunagu.console.phrases import Phrase

merge = Phrase("ほかのお客様とまとめる", "Merge with another customer")
title = Phrase("お客様をまとめる", "Merge two customers")
choose_sub = Phrase(
    "{name} さんと同じ人だとわかっているお客様を選んでください。",
    "Choose the customer who is the same person as {name}.",
)
choose_empty = Phrase("ほかにお客様がいません", "There is no other customer")
choose_empty_help = Phrase(
    "まとめるには、お客様が二人以上必要です。", "Two are needed before they can be merged."
)
this_one = Phrase("いまのお客様", "This customer")
compare = Phrase("比べる", "Compare")
preview_sub = Phrase(
    "まとめると何が変わるかを確かめてから、実行してください。",
    "See what would change before you decide.",
)
same = Phrase(
    "二つの番号は、すでに同じお客様を指しています。",
    "Both ids already lead to one customer.",
)
summary = Phrase(
    "番号 {id} に一本化します。もう一方の番号で開いても、このお客様につながります。",
    "They become customer {id}. The other id will lead there.",
)
never_sent = Phrase(
    "まとめたことを理由に、配信が送られることはありません。",
    "Nothing is sent because of a merge.",
)
after = Phrase("まとめた後", "After")
traits = Phrase("どの属性が残るか", "Which traits hold?")
traits_answer = Phrase(
    "{all}項目のうち、値が食い違うのは{n}項目です。",
    "{n} of {all} traits differ.",
    one="{n} of {all} traits differs.",
)
consents = Phrase("同意はどうなるか", "What becomes of consent?")
consents_answer = Phrase(
    "二人の答えが違うときは、お客様ご自身が改めて答えるまで、厳しいほうを守ります。",
    "Where the two differ, the stricter word holds until the customer speaks again.",
)
consents_none = Phrase(
    "どちらにも同意の記録がありません。", "Neither has said anything about consent."
)
said_nothing = Phrase("記録なし", "not said")
reach = Phrase("オーディエンスとジャーニー", "Audiences and journeys")
reach_answer = Phrase(
    "オーディエンスは、二人の記録を合わせて判定し直します。参加中のジャーニーはそのまま続きます。",
    "Audiences are answered anew over both histories. Running journeys go on.",
)
audiences = Phrase("オーディエンス", "Audiences")
running = Phrase("参加中のジャーニー", "Running journeys")
identifiers = Phrase("識別子", "Identifiers")
events = Phrase("イベント", "Events")
differs = Phrase("違いあり", "differs")
no_value = Phrase("値なし", "no value")
act = Phrase("まとめる", "Merge them")
ask = Phrase("この二人をまとめますか", "Merge these two customers?")
ask_effect = Phrase(
    "{a} と {b} が一人のお客様になります。担当者の記録が残ります。",
    "{a} and {b} become one customer. The audit log keeps that you decided it.",
)
waiting = Phrase("まとめています。", "The merge is on its way.")
waiting_help = Phrase(
    "記録の順番が来ると完了します。通常は数秒です。",
    "It is done when its turn in the log comes, usually within seconds.",
)
slow = Phrase("まだ終わっていません。", "It is not done yet.")
slow_help = Phrase(
    "まとめる指示は保存されています。処理が追いつくと自動で完了します。"
    "続くときは `tsunagu doctor` で、処理が動いているかを確かめてください。",
    "Your decision is saved and will be carried out when the pipeline catches up. If it stays, "
    "`tsunagu doctor` says whether the pipeline runs.",
)
done = Phrase("一人のお客様にまとめました。", "They are one customer now.")
