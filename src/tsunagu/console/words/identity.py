"""Texts about who is one person: evidence, what was held back, and the matching model."""

from tsunagu.console.phrases import Phrase

everyone = Phrase("一覧", "Everyone")
held_back = Phrase("照合から外した識別子", "Held back")
matching = Phrase("名寄せモデル", "Matching model")

profile = Phrase("プロフィール", "Profile")
evidence = Phrase("同一人物の根拠", "Evidence")
evidence_sub = Phrase(
    "どの識別子が、いつ、どこから届いた記録で結び付いたかを示します。",
    "Which identifiers belong together, and which record said so, when.",
)
graph_title = Phrase("なぜ一人とみなしているのか", "Why are these one person?")
graph_answer = Phrase(
    "識別子 {n}個を、{edges}の記録が結び付けています。",
    "{n} identifiers are held together by {edges}.",
    one="{n} identifier is known, held together by {edges}.",
)
graph_records = Phrase("{n}件", "{n} records", one="{n} record")
graph_alone = Phrase(
    "識別子は一つだけで、ほかと結び付ける記録はありません。",
    "Only one identifier is known; nothing ties it to another.",
)
graph_doubt = Phrase(
    "同じ二つの識別子を示す記録が何度届いても、最初の一件だけを載せています。",
    "When many records state the same two identifiers, the first one stands here.",
)
graph_more = Phrase(
    "ほかに {n}個の識別子があります。下の表で確かめられます。",
    "{n} more identifiers are in the table below.",
    one="{n} more identifier is in the table below.",
)
graph_label = Phrase("識別子のつながりの図", "Picture of how the identifiers are tied together")
edges_title = Phrase("根拠の記録", "The records behind it")
first_identifier = Phrase("最初の識別子", "first known")
first_held = Phrase("除外あり", "held back")
and_ = Phrase("と", "and")
stated_by = Phrase("届け元", "Source")
stated_at = Phrase("届いた日時", "When")
stated_pair = Phrase("結び付いた識別子", "Identifiers")
held_of_customer = Phrase("照合に使わなかった識別子", "Identifiers that were held back")
none_held = Phrase(
    "このお客様で、照合から外した識別子はありません。",
    "Nothing was held back for this customer.",
)
merged_title = Phrase("まとめられた番号", "Ids that lead here")
merged_none = Phrase(
    "ほかのお客様番号からまとめられたことはありません。",
    "No other customer id was ever merged into this one.",
)
merged_row = Phrase("最初の識別子 {first}", "First known as {first}")
merged_at = Phrase("{at} から記録", "recorded from {at}")
merged_help = Phrase(
    "以前の番号で開いても、このお客様につながります。",
    "Anyone who opens an old id is led to this customer.",
)
was_merged = Phrase(
    "番号 {id} は、このお客様にまとめられました。", "Id {id} was merged into this customer."
)

held_sub = Phrase(
    "共用の端末や試験用アドレスなど、人を特定できない識別子は照合に使いません。その理由を示します。",
    "A shared tablet or a test address says nothing about who someone is, so it joins nobody. "
    "Here is what was held back, and why.",
)
held_hint = Phrase("識別子の値（完全一致）", "The identifier's value, exactly")
held_none = Phrase("照合から外した識別子はありません", "Nothing was held back")
held_none_help = Phrase(
    "多くのお客様に共有された識別子や、除外の対象とした値が届くと、ここに理由とともに並びます。",
    "An identifier that too many customers share, or a blocked value, appears here with its "
    "reason as soon as it arrives.",
)
held_identifier = Phrase("識別子", "Identifier")
held_reason = Phrase("理由", "Why")
held_times = Phrase("回数", "Times")
held_last = Phrase("最後に届いた日時", "Last seen")
held_of = Phrase("持ち主", "Belongs to")
held_others = Phrase(
    "{n}人のお客様から届きました", "Stated by {n} customers", one="Stated by {n} customer"
)
times = Phrase("{n}回", "{n} times", one="{n} time")
REASONS = {
    "blocked": (
        Phrase("除外する値", "Blocked value"),
        Phrase(
            "だれも特定しない値として除外しています。",
            "The value is on the list of those that identify nobody.",
        ),
        "red",
    ),
    "full": (
        Phrase("上限に到達", "Customer is full"),
        Phrase(
            "このお客様は、この種類の識別子を上限まで持っています。",
            "The customer already holds as many identifiers of this kind as one person may.",
        ),
        "amber",
    ),
    "apart": (
        Phrase("別の人の識別子", "Someone else's"),
        Phrase(
            "別のお客様の識別子と一緒に届きました。二人は別人のままで、持ち主も変わりません。",
            "It came together with an identifier of another customer. The two stay apart, and it "
            "still belongs to its owner.",
        ),
        "blue",
    ),
    "shared": (
        Phrase("共用", "Shared"),
        Phrase(
            "多くの人と一緒に届いたため、ほかの識別子があるときは照合に使いません。",
            "Too many people were seen with it, so beside another identifier it counts for nobody.",
        ),
        "amber",
    ),
}

model_sub = Phrase(
    "識別子が違っても同じ人と思われる記録を、似ている度合いで見つけるモデルです。",
    "The model that finds records of one person although no identifier is shared.",
)
no_model = Phrase("名寄せモデルはまだありません", "No matching model has been trained")
no_model_help = Phrase(
    "次のコマンドで、いまのお客様の記録から学習できます。正解データは要りません。",
    "Train one on your own customers with this command. No labelled data is needed.",
)
TRAIN = "tsunagu identity train"
records = Phrase("比べた記録", "Records")
pairs = Phrase("候補の組", "Candidate pairs")
pairs_each = Phrase("記録1件あたり {n}組", "{n} per record")
linked = Phrase("同じ人とした組", "Linked")
linked_note = Phrase("重み {weight} 以上", "weight {weight} and above")
asked = Phrase("人が確かめる組", "To review")
asked_note = Phrase("重み {low} ～ {high}", "weight {low} to {high}")
precision = Phrase("適合率の見込み", "Expected precision")
precision_note = Phrase("上の基準以上の組", "of linked pairs")
recall = Phrase("候補の網羅率", "Recall of blocking")
recall_note = Phrase("正解なしの推定", "estimated without labels")
weights_title = Phrase("何が一致すると、同じ人らしいのか", "What speaks for one person?")
weights_answer = Phrase(
    "最も強い根拠は「{best}」で重み {weight}。どの二件も最初は {prior} から始まります。",
    "The strongest sign is “{best}” at {weight}. Any two records start at {prior}.",
)
weights_shift = Phrase(
    "確認への回答により、すべての重みを {shift} 補正しています。",
    "What people answered has moved every weight by {shift}.",
)
weights_doubt = Phrase(
    "重みは2を底とするオッズの対数です。1増えるごとに、同じ人である見込みが2倍になります。"
    "一人の記録どうし（m）と他人どうし（u）で、その一致がどれほど起きるかの比から求めます。",
    "Weights are log2 of odds: each step of 1 doubles the odds of one person. They compare how "
    "often one person's records agree so (m) with how often two people's do (u).",
)
share_m = Phrase("同じ人", "One person")
share_u = Phrase("他人", "Two people")
says_nothing = Phrase("判断に使わない", "says nothing")
blocking_title = Phrase("比べる組を、どう選んだか", "Which pairs are compared?")
blocking_answer = Phrase(
    "{n}通りの鍵で選び、見込みのある組の {share} を拾えると推定しています。",
    "{n} keys choose them, and are estimated to reach {share} of the likely pairs.",
    one="{n} key chooses them, and is estimated to reach {share} of the likely pairs.",
)
blocking_doubt = Phrase(
    "正解のない推定で、どの鍵でも拾えない組の数は下限です。実際の網羅率はこれより低いことがあります。",
    "An estimate without labels: how many pairs no key finds is only bounded from below, so the "
    "true share can be lower.",
)
rivals_title = Phrase(
    "別人なのに似てしまうのは、どんな人か", "Who is alike without being one person?"
)
rivals_answer = Phrase(
    "{columns}が同じ人どうしは、家族のように、別人でもほかの項目まで一致します。"
    "そう説明できる分は、重みから差し引きます。",
    "Those who have one of these in common, {columns}, agree in more than that, as a family "
    "does. What that explains is taken off the weight.",
)
rivals_none = Phrase(
    "学習に使った記録には、別人なのに似てしまう人の集まりは見つかりませんでした。",
    "Among the records it learned from, nobody is alike for a reason of that kind.",
)
rival = Phrase("{column}が同じ別人", "Others who share the {column}")
rival_share = Phrase(
    "およそ {pairs}組。記録1件あたり {n}人います。",
    "About {pairs} pairs: {n} such people a record.",
)
rival_agrees = Phrase("一致する割合", "how often they agree")
rival_random = Phrase("他人どうしでは {share}", "any two people: {share}")
rival_apart = Phrase(
    "見分ける手がかり: {columns}（同じ人なら一致しやすく、この人たちではほとんど一致しません）",
    "Told apart by: {columns}, in which one person agrees and they hardly ever do",
)
rivals_doubt = Phrase(
    "正解なしで、同じ値を持つ記録の組から学習した割合です。生年月日まで一致する組は、"
    "同じ人が引っ越したなどとみなし、ここには含めません。",
    "Learned without labels from records with an equal value. Who agrees in the date of birth too "
    "counts as one person who moved, and is not among them.",
)
key_pairs = Phrase("組の数", "Pairs")
reading_failed = Phrase("このモデルは読めません", "This model cannot be read")
reading_failed_help = Phrase(
    "別の版の Tsunagu で作られたようです。`tsunagu identity train` で学習し直してください。",
    "It may come from another release of Tsunagu. Train it again with `tsunagu identity train`.",
)

cut = Phrase("分離で無効", "cut by a parting")
DECIDERS = {
    "operator": Phrase("{by} の判断", "decided by {by}"),
    "review": Phrase("{by} の確認", "reviewed by {by}"),
    "model": Phrase("モデル (重み {weight})", "model (weight {weight})"),
}
"""Who decided a piece of evidence."""
