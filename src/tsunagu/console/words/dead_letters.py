"""Texts of the dead letters page."""

from tsunagu.console.phrases import Phrase

sub = Phrase(
    "処理できずに脇へ置いたイベントです。失われてはいません。ほかのイベントは先へ進んでいます。",
    "Events that could not be processed. They are kept, and everything else went on.",
)
hint = Phrase("イベント名・理由・ID", "Event, reason or id")
none_yet = Phrase("未処理のイベントはありません", "No dead letters")
none_yet_help = Phrase(
    "届いたイベントはすべて処理されました。何かあれば、理由と一緒にここに出ます。",
    "Every event so far was processed. One that fails stands here with its reason.",
)
choose = Phrase("左の一覧から一件選んでください", "Choose one from the list")
choose_help = Phrase(
    "理由と、届いたままの内容を確かめられます。", "See why it failed and what it carried."
)
stage = Phrase("止まった段階", "Stage")
message_id = Phrase("メッセージID", "Message id")
position = Phrase("ログの位置", "Place in the log")
event = Phrase("届いた内容", "The event")
next_step = Phrase(
    "送り手の側で値を直し、新しい messageId で送り直してください。",
    "Mend the value where the event comes from and send it again with a new messageId.",
)
