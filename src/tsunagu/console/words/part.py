"""Texts of parting a customer in two: which identifiers leave, and what follows."""

from tsunagu.console.phrases import Phrase

part = Phrase("別の人に分ける", "Part in two")
title = Phrase("お客様を二人に分ける", "Part a customer in two")
sub = Phrase(
    "{name} さんではない人の識別子を選んでください。選んだ識別子が別のお客様になります。",
    "Choose the identifiers that are not {name}'s. They become another customer.",
)
alone = Phrase("分けられる識別子がありません", "There is nothing to part")
alone_help = Phrase(
    "識別子が一つだけのお客様は、分けられません。",
    "A customer known by one identifier alone cannot be parted.",
)
choose = Phrase("どの識別子が別の人のものですか", "Which identifiers are someone else's?")
follows = Phrase("分けると、どうなりますか", "What follows?")
traits = Phrase(
    "属性とイベントは、それぞれの識別子とともに届いた記録から作り直します。",
    "Traits and events are folded anew from what came with each side's identifiers.",
)
consents = Phrase(
    "同意を取り消していた場合は、お客様ご自身が改めて答えるまで、両方で送らないままにします。",
    "Where consent was withdrawn, both stay withdrawn until each speaks again.",
)
reach = Phrase(
    "オーディエンスは判定し直し、参加中のジャーニーは、参加したときの識別子の側で続きます。",
    "Audiences are answered anew; a running journey goes with the identifier that entered it.",
)
apart = Phrase(
    "今後、同じ識別子が届いても、この二人は自動ではまとまりません。あとから手でまとめ直せます。",
    "The two are never joined again by themselves. You can merge them again at any time.",
)
none_sent = Phrase(
    "分けたことを理由に、配信が送られることはありません。",
    "Nothing is sent because of a parting.",
)
back = Phrase("根拠へ戻る", "Back to the evidence")
act = Phrase("分ける", "Part them")
ask = Phrase("このお客様を分けますか", "Part this customer?")
ask_effect = Phrase(
    "{n}個の識別子が離れ、{rest}個が残ります。",
    "{n} identifiers leave, {rest} stay.",
    one="{n} identifier leaves, {rest} stay.",
)
choose_some = Phrase(
    "一つ以上を選び、一つ以上を残してください。", "Choose at least one, and let at least one stay."
)
waiting = Phrase("分けています。", "The parting is on its way.")
done = Phrase("二人のお客様に分けました。", "They are two customers now.")
