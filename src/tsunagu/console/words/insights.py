"""Texts of results: experiments and propensities, each with its doubt."""

from tsunagu.console.phrases import Phrase

title = Phrase("インサイト", "Insights")
sub = Phrase(
    "お伝えしたことは役に立ったのか、次に誰が動くのか。確かさも一緒に示します。",
    "Whether what we said helped, and who will act next, each with how sure that is.",
)
none_yet = Phrase("結果はまだありません", "There are no results yet")
none_yet_help = Phrase(
    "ジャーニーの目標の期限を過ぎたお客様から、送った人と送らなかった人を比べます。",
    "Once the goal's time is over for the first customers, the arms are compared.",
)
effect_question = Phrase(
    "「{title}」はお客様の行動を変えましたか", "Did “{title}” change what customers do?"
)
helps = Phrase("効果あり", "Helps")
harms = Phrase("逆効果", "Harms")
unknown = Phrase("効果は確認できません", "No effect shown")
arm = Phrase("グループ", "Group")
people = Phrase("人数", "Customers")
reached = Phrase("目標を達成", "Reached the goal")
rate = Phrase("達成率", "Rate")
interval = Phrase("{level}区間", "{level} interval")
treated = Phrase("送った人", "Treated")
holdout = Phrase("送らなかった人", "Held out")
difference = Phrase("差", "Difference")
rates_question = Phrase("目標に届いたのは何%ですか", "How many reached the goal?")
difference_question = Phrase("差はどれくらいですか", "How large is the difference?")
difference_help = Phrase(
    "区間が0をまたぐ間は、効果があるともないとも言えません。",
    "While the interval includes 0, neither an effect nor its absence is shown.",
)
difference_axis = Phrase(
    "送った人 − 送らなかった人（ポイント）", "Treated − held out, percentage points"
)
doubt = Phrase(
    "比べた人数 {n}人・期限内で数えていない人 {waiting}人・p = {p}。{method}。{at} 時点。",
    "{n} customers compared, {waiting} still within their time, p = {p}. {method}. As of {at}.",
)
caveats = Phrase("注意すること", "What it cannot tell")

campaign = Phrase("キャンペーン {campaign}", "Campaign {campaign}")
model_wins = Phrase("モデルの勝ち", "The model won")
rule_wins = Phrase("ルールの勝ち", "The rule won")
undecided = Phrase("引き分け", "Undecided")
auc_question = Phrase("どちらが正しく順位をつけましたか", "Which ranked customers better?")
auc_answer = Phrase(
    "0.5は当てずっぽう、1は完全な順位です。", "0.5 is guessing, 1 is a perfect ranking."
)
model = Phrase("モデル", "Model")
rule = Phrase("一行のルール", "One-line rule")
auc = Phrase("AUC", "AUC")
brier = Phrase("ブライアスコア（小さいほど良い）", "Brier score (lower is better)")
base_rate = Phrase("全員に平均を言う場合", "Saying the average to everyone")
calibration_question = Phrase("言った確率のとおりになりましたか", "Did what was said happen?")
calibration_answer = Phrase(
    "モデルは平均{said}と言い、{happened}が起きました（{n}人）。",
    "The model said {said} on average; {happened} happened ({n} customers).",
)
calibration_doubt = Phrase(
    "点線の上にあれば、言った確率のとおりです。縦の線は95%区間です。",
    "On the dotted line, what was said is what happened. Bars are 95% intervals.",
)
said = Phrase("言った確率", "Said")
happened = Phrase("起きた割合", "Happened")
weights_question = Phrase("何が効いていますか", "What does it go by?")
weights_answer = Phrase("いちばん効いているのは「{name}」です。", "“{name}” weighs most.")
weights_doubt = Phrase(
    "標準化した係数です。原因を示すものではありません。",
    "Standardised coefficients; they are no causes.",
)
propensity_doubt = Phrase(
    "採点した人数 {n}人・実際に動いた人 {takers}人。{method}。{at} 時点。",
    "{n} customers scored, {takers} of them acted. {method}. As of {at}.",
)
