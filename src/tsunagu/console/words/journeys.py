"""Texts of journeys: the list, the graph and what stands beside it."""

from tsunagu.console.phrases import Phrase

title = Phrase("ジャーニー", "Journeys")
sub = Phrase(
    "入口から目標まで、お客様がたどる道です。一部のお客様には送らず、効果を比べます。",
    "The way from entry to goal. Some customers are held out, so that the effect can be told.",
)
none_yet = Phrase("ジャーニーがまだありません", "There are no journeys yet")
none_yet_help = Phrase(
    "ジャーニーの文書を公開すると、ここに図で現れます。",
    "Publish a journey document and it is drawn here.",
)
journey = Phrase("ジャーニー", "Journey")
entered = Phrase("参加", "Entered")
active = Phrase("進行中", "On their way")
goal = Phrase("目標", "Goal")
goal_rate = Phrase("目標の達成率", "Reached the goal")
goal_of = Phrase("{event}（{within}以内）", "{event} within {within}")
treated_rate = Phrase("送った人 {rate}", "Treated {rate}")
holdout_rate = Phrase("送らなかった人 {rate}", "Held out {rate}")
see_result = Phrase("結果を見る", "See the result")
not_a_verdict = Phrase(
    "途中の人も含む数です。効果は「結果」で確かめてください。",
    "Includes people still on their way. The result page says whether it helps.",
)
holdout_share = Phrase("{share}は送らずに比べる", "{share} held out to compare")

graph_question = Phrase("いま、どこに何人いますか", "Where is everybody now?")
graph_answer = Phrase(
    "参加した{entered}人のうち、{active}人が進行中です。いちばん多いのは「{node}」の{n}人です。",
    "Of {entered} who entered, {active} are on their way; most of them, {n}, at “{node}”.",
)
graph_finished = Phrase(
    "参加した{entered}人は、全員最後まで進みました。", "All {entered} who entered have finished."
)
graph_empty = Phrase("まだ誰も参加していません。", "Nobody has entered yet.")
graph_doubt = Phrase(
    "全ての版を合わせた数です。通った人数は各手順の記録から数えています。",
    "All versions together. How many passed is counted from the record of each step.",
)
here_now = Phrase("いま {n}人", "{n} here")
finished_here = Phrase("完了 {n}人", "{n} finished")
sent_refused = Phrase("送る {sent} · 見送り {refused}", "{sent} sent · {refused} refused")
entry_node = Phrase("入口", "Entry")
holdout_node = Phrase("送らずに比べる", "Holdout")
holdout_text = Phrase("何も送りません", "Nothing is sent")
send_node = Phrase("送る", "Send")
wait_node = Phrase("待つ", "Wait")
wait_event = Phrase("「{event}」を最長{within}待つ", "Wait for {event}, up to {within}")
wait_time = Phrase("{within}待つ", "Wait {within}")
end_node = Phrase("終わり", "End")
end_text = Phrase("目標の期限まで見守ります", "Watched until the goal's time is over")
edge_treated = Phrase("送る", "Treated")
edge_holdout = Phrase("ホールドアウト {share}", "Held out {share}")
edge_event = Phrase("{event}", "{event}")
edge_timeout = Phrase("{within}過ぎたら", "After {within}")

refusals_question = Phrase("なぜ送られなかったのですか", "Why were others not sent?")
refusals_answer = Phrase(
    "{all}通のうち{refused}通を見送りました。", "{refused} of {all} messages were refused."
)
no_refusals = Phrase("見送りはありません。", "No message was refused.")
at_node = Phrase("「{node}」にいるお客様", "Who is at “{node}”")
nobody_here = Phrase("いまは誰もいません。", "Nobody is here now.")
latest_of = Phrase("新しい順に{n}人まで", "The latest {n} arrivals")
since = Phrase("{at} から", "since {at}")
choose_node = Phrase(
    "図の箱を選ぶと、そこにいるお客様が出ます。", "Choose a box to see who is there."
)
policy = Phrase("送り方のルール", "Contact policy")
quiet = Phrase(
    "おやすみ時間 {start}〜{end}（お客様の地域の時刻）",
    "Quiet hours {start} to {end}, customer's time",
)
cap = Phrase("{channel}は{within}に{limit}通まで", "{channel}: at most {limit} within {within}")
