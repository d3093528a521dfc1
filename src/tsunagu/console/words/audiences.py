"""Texts of audiences."""

from tsunagu.console.phrases import Phrase

title = Phrase("オーディエンス", "Audiences")
sub = Phrase(
    "条件に合うお客様の集まりです。イベントが届くたびに、その場で入れ替わります。",
    "Groups of customers who meet a rule. Membership changes with each event, at once.",
)
none_yet = Phrase("オーディエンスがまだありません", "There are no audiences yet")
none_yet_help = Phrase(
    "条件を文書として公開すると、数えはじめます。`tsunagu` の definitions をご覧ください。",
    "Publish a rule as a document and it starts counting.",
)
audience = Phrase("オーディエンス", "Audience")
members = Phrase("人数", "Members")
used_by = Phrase("使われている場所", "Used by")
rule = Phrase("条件", "Rule")
rule_help = Phrase(
    "この条件を満たす間だけ、お客様はここに入ります。",
    "A customer is in here for as long as this holds.",
)
share = Phrase("お客様全体の{share}", "{share} of all customers")
size_question = Phrase("人数はどう変わってきましたか", "How has its size changed?")
size_answer = Phrase(
    "いまは{now}人です。{first}からの間に {entered}人が入り、{exited}人が出ました。",
    "{now} customers now. Since {first}, {entered} joined and {exited} left.",
)
size_doubt = Phrase(
    "{zone} の一日の終わりの人数です。出入りの記録から数えています。",
    "Size at the end of each day in {zone}, counted from the joins and leaves on record.",
)
no_history = Phrase("出入りの記録はまだありません", "No joins or leaves on record yet")
no_history_help = Phrase(
    "お客様が入ると、ここに推移が出ます。", "The curve starts when the first customer joins."
)
who = Phrase("いま入っているお客様", "Who is in it now")
joined = Phrase("入った日時", "Joined")
nobody = Phrase("いまは誰も入っていません", "Nobody is in it now")
nobody_help = Phrase(
    "条件が厳しすぎないか、必要なイベントや属性が届いているかを確かめてください。",
    "Check that the rule is not too narrow and that the events and traits it needs arrive.",
)
series = Phrase("人数", "Members")
