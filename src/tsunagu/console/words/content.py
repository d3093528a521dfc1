"""Texts of content: messages, the archive of what was sent, the local mailbox."""

from tsunagu.console.phrases import Phrase

title = Phrase("コンテンツ", "Content")
messages = Phrase("メッセージ", "Messages")
archive = Phrase("送信控え", "Archive")
mailbox = Phrase("ローカルメールボックス", "Local mailbox")

messages_sub = Phrase(
    "お客様にお伝えする言葉です。日本語と英語を一つの文書で持ちます。",
    "What is said to customers; one document holds every language.",
)
no_messages = Phrase("メッセージがまだありません", "There are no messages yet")
no_messages_help = Phrase(
    "メッセージの文書を公開すると、ここで見た目を確かめられます。",
    "Publish a message document and look at it here.",
)
message = Phrase("メッセージ", "Message")
channel = Phrase("チャネル", "Channel")
purpose = Phrase("目的", "Purpose")
languages = Phrase("言語", "Languages")
sent = Phrase("送信済み", "Sent")
expires = Phrase(
    "判断から{within}を過ぎたら送りません", "Not sent later than {within} after the decision"
)
preview = Phrase("見た目", "Preview")
preview_for = Phrase("見本のお客様: {name}", "Shown for {name}")
sample_note = Phrase(
    "見本の値で作った見た目です。誰にも送られません。リンクは開きません。",
    "Made with sample values; nothing is sent and links lead nowhere.",
)
cannot_render = Phrase("この言語では作れませんでした", "It could not be made in this language")
no_language = Phrase(
    "この言語の文面はありません。お客様には{other}で届きます。",
    "Not written in this language; customers get it in {other}.",
)

archive_sub = Phrase(
    "送る前に保管した、送ったものそのままの控えです。",
    "Exactly what was sent, kept before it left.",
)
archive_hint = Phrase("件名・宛先・メッセージ名", "Subject, address or message")
no_archive = Phrase("まだ何も送っていません", "Nothing has been sent yet")
no_archive_help = Phrase(
    "ジャーニーからメールが送られると、一通ずつここに残ります。",
    "Each mail a journey sends is kept here.",
)
choose = Phrase("左の一覧から一通選んでください", "Choose one from the list")
choose_help = Phrase(
    "届いたままの見た目、本文、ヘッダーを確かめられます。",
    "See it as it looked, its text and its headers.",
)
to = Phrase("宛先", "To")
from_ = Phrase("差出人", "From")
kept_at = Phrase("保管", "Kept")
left_at = Phrase("送信", "Sent")
decided_at = Phrase("判断", "Decided")
as_it_looked = Phrase("見た目", "As it looked")
text_part = Phrase("テキスト", "Text")
headers = Phrase("ヘッダー", "Headers")
no_html = Phrase("HTMLの本文はありません。", "This mail has no HTML part.")
no_text = Phrase("テキストの本文はありません。", "This mail has no text part.")
sealed = Phrase("保管時のまま変わっていません", "Unchanged since it was kept")
hash_only = Phrase("内容のハッシュは一致しています", "The content's hash matches")
broken = Phrase(
    "保管時の内容と一致しません。誰かが書き換えたおそれがあります。監査の担当者に知らせてください。",
    "This is not what was kept: someone may have changed it. Tell whoever audits you.",
)
sandboxed = Phrase(
    "安全のため、スクリプト・画像の読み込み・リンクは止めて表示しています。",
    "Shown with scripts, remote images and links switched off.",
)

mailbox_sub = Phrase(
    "この環境から出たメールを受け止める箱です。実際の宛先には届きません。全ワークスペース共通です。",
    "Mails from this installation end here and reach nobody. All workspaces share it.",
)
mailbox_hint = Phrase("宛先・件名・Message-ID", "Address, subject or Message-ID")
no_mailbox = Phrase("ローカルメールボックスは使われていません", "The local mailbox is not in use")
no_mailbox_help = Phrase(
    "メールは設定されたSMTPサーバーへ送られます。控えは「送信控え」にあります。",
    "Mails go to the SMTP server in the settings. What was sent is in the archive.",
)
empty_mailbox = Phrase("まだ一通も届いていません", "No mail has arrived yet")
empty_mailbox_help = Phrase(
    "ジャーニーがメールを送ると、数秒でここに届きます。",
    "Mails arrive here seconds after a journey sends them.",
)
arrived = Phrase("到着", "Arrived")
find_customer = Phrase("このお客様を探す", "Find this customer")
