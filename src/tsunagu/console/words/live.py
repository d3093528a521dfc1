"""Texts of the live events page."""

from tsunagu.console.phrases import Phrase

sub = Phrase(
    "受け取ったイベントが、届いた順に流れます。新しいものが上です。",
    "Events as they are accepted, the newest on top.",
)
pause = Phrase("一時停止", "Pause")
resume = Phrase("再開", "Resume")
event = Phrase("イベント名", "Event")
source = Phrase("出どころ", "Source")
user = Phrase("ユーザーID", "User id")
further = Phrase("もっと前を探す", "Look further back")
looked = Phrase(
    "直近{n}件の中を探しました。",
    "Among the latest {n} events.",
)
paused = Phrase("一時停止中です。", "Paused.")
nothing = Phrase("まだイベントがありません", "No events yet")
nothing_help = Phrase(
    "イベントを送ると、すぐここに出ます。送り方は概要ページにあります。",
    "Send one and it appears here at once. The overview says how.",
)
nothing_fits = Phrase("条件に合うイベントがありません", "No event fits")
nothing_fits_help = Phrase(
    "直近{n}件にはありませんでした。届けばすぐここに出ます。",
    "None among the latest {n}. One that arrives appears here.",
)
choose = Phrase("イベントを選んでください", "Choose an event")
choose_help = Phrase("届いたままの内容を確かめられます。", "See what it carries, as it came.")
waiting = Phrase("処理待ち", "Waiting")
repeat = Phrase("重複", "Repeat")
dead = Phrase("未処理", "Dead letter")
flagged = Phrase("取り決めと違う", "Off plan")
received = Phrase("受付", "Accepted")
happened = Phrase("発生", "Happened")
message_id = Phrase("メッセージID", "Message id")
place = Phrase("ログの位置", "Place in the log")
customer = Phrase("お客様", "Customer")
violations = Phrase("取り決めとの違い", "How it differs from the plan")
contents = Phrase("内容", "Contents")
ago = Phrase("{span}前", "{span} ago")
open_letter = Phrase("未処理イベントを開く", "Open the dead letter")
