"""What happened, in words: the names of events as a person would say them."""

from tsunagu.console.phrases import Phrase

# name: words, icon, colour of the badge
EVENTS: dict[str, tuple[Phrase, str, str]] = {
    "identify": (Phrase("プロフィールが届きました", "Profile received"), "badge", ""),
    "page": (Phrase("ページを見ました", "Viewed a page"), "web", ""),
    "screen": (Phrase("アプリの画面を見ました", "Viewed a screen"), "smartphone", ""),
    "Page Viewed": (Phrase("ページを見ました", "Viewed a page"), "web", ""),
    "Product Viewed": (Phrase("商品を見ました", "Viewed a product"), "visibility", ""),
    "Order Completed": (Phrase("購入しました", "Placed an order"), "shopping_bag", "green"),
    "Coupon Redeemed": (Phrase("クーポンを使いました", "Redeemed a coupon"), "redeem", "green"),
    "Campaign Received": (
        Phrase("キャンペーンが届きました", "Received a campaign"),
        "campaign",
        "blue",
    ),
    "Audience Entered": (
        Phrase("オーディエンスに入りました", "Joined an audience"),
        "login",
        "teal",
    ),
    "Audience Exited": (Phrase("オーディエンスを出ました", "Left an audience"), "logout", ""),
    "Journey Entered": (Phrase("ジャーニーに参加しました", "Entered a journey"), "route", "teal"),
    "Journey Ended": (Phrase("ジャーニーが終わりました", "Finished a journey"), "flag", "teal"),
    "Message Refused": (Phrase("配信を見送りました", "Message not sent"), "block", "red"),
    "Message Sent": (Phrase("メッセージを送りました", "Message sent"), "send", "teal"),
    "Message Failed": (
        Phrase("メッセージが届きませんでした", "Message failed"),
        "error_outline",
        "red",
    ),
    "Message Delivery Unknown": (
        Phrase("届いたかどうか不明です", "Delivery unknown"),
        "help_outline",
        "amber",
    ),
    "Email Opened": (Phrase("メールを開きました", "Opened the mail"), "drafts", "blue"),
    "Email Link Clicked": (
        Phrase("リンクをクリックしました", "Clicked a link"),
        "ads_click",
        "green",
    ),
    "Unsubscribed": (Phrase("配信を停止しました", "Unsubscribed"), "unsubscribe", "red"),
    "Consent Given": (Phrase("同意しました", "Gave consent"), "thumb_up_off_alt", "green"),
    "Consent Withdrawn": (
        Phrase("同意を取り消しました", "Withdrew consent"),
        "thumb_down_off_alt",
        "red",
    ),
}


def event_words(type_: str, name: str) -> tuple[Phrase, str, str]:
    """Words, icon and colour of an event; an unknown one keeps its own name."""
    known = EVENTS.get(name) or EVENTS.get(type_)
    if known is not None:
        return known
    own = name.replace("{", "").replace("}", "")
    return Phrase(own, own), "bolt", ""
