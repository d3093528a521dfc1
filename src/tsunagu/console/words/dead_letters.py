"""Texts of the dead letters page."""

from tsunagu.console.phrases import Phrase

sub = Phrase(
    "処理できずに脇へ置いたイベントです。失われてはいません。直して、もう一度取り込めます。",
    "Events that were put aside. They are kept: mend them and they go in again.",
)
hint = Phrase("イベント名・理由・ID", "Event, reason or id")
none_yet = Phrase("未処理のイベントはありません", "No dead letters")
none_yet_help = Phrase(
    "止まったイベントがあれば、理由と一緒にここに出ます。",
    "An event that is stopped stands here with its reason.",
)
choose = Phrase("左の一覧から一件選んでください", "Choose one from the list")
choose_help = Phrase(
    "理由を確かめ、内容を直して、もう一度取り込めます。",
    "See why it was stopped, mend it and replay it.",
)
open_ = Phrase("未処理", "Open")
replayed = Phrase("再取り込み済み", "Replayed")
discarded = Phrase("除外済み", "Discarded")
every = Phrase("すべて", "All")
stage = Phrase("止まった段階", "Stage")
source = Phrase("出どころ", "Source")
message_id = Phrase("メッセージID", "Message id")
position = Phrase("ログの位置", "Place in the log")
number = Phrase("番号", "Number")
event = Phrase("内容", "The event")
edit_help = Phrase(
    "値を直してから取り込むと、新しいメッセージIDで一度だけ数えられます。",
    "What you enter is counted once, under a new message id.",
)
replay = Phrase("取り込む", "Replay")
discard = Phrase("除外する", "Discard")
reopen = Phrase("未処理に戻す", "Reopen")
no_json = Phrase("JSON として読めません: {problem}", "This is no JSON: {problem}")
replayed_as = Phrase("新しいメッセージID", "Entered as")
settled_by = Phrase("対応した人", "By")
about = Phrase("何で止まっているか", "What they are about")
all_of_them = Phrase("絞り込みを外す", "Show all")
replay_all = Phrase("{n}件を取り込む", "Replay {n}")
discard_all = Phrase("{n}件を除外する", "Discard {n}")
replay_all_help = Phrase(
    "届いたままの内容で取り込みます。また止まったものは、新しい未処理イベントになります。",
    "They go in as they came. What is stopped again becomes a new dead letter.",
)
discard_all_help = Phrase(
    "プロファイルにもレイクにも入りません。内容は保存期間が終わるまで読めます。",
    "They stay out of profiles and the lake. They can be read until their retention ends.",
)
replaying = Phrase("取り込み中", "Replaying")
discarding = Phrase("除外中", "Discarding")
progress = Phrase("{total}件中{done}件", "{done} of {total}")
skipped = Phrase("{n}件は人の手直しが要ります", "{n} need a person")
finished = Phrase("終わりました", "Done")
stopped = Phrase("中止しました", "Stopped")
stop = Phrase("中止する", "Stop")
last_day = Phrase("24時間", "24 hours")
last_week = Phrase("7日", "7 days")
any_time = Phrase("全期間", "Any time")
more_than = Phrase("{n}件以上", "{n} or more")
