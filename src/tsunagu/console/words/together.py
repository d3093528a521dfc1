"""Texts about the household and the companies of a customer."""

from tsunagu.console.phrases import Phrase

household = Phrase("世帯", "Household")
family = Phrase("{family}家・{address}", "{family} family, {address}")
home_only = Phrase("住所: {address}", "At {address}")
companies = Phrase("会社", "Companies")
members = Phrase("お客様 {n}人", "{n} customers", one="{n} customer")
layer = Phrase(
    "お客様の上にある層です。これによって一人にまとめることはありません。",
    "This is a layer above customers; nobody is merged by it.",
)
# Part of a rule, and what two members have in common by it.
SAME = {
    "address": Phrase("同じ住所", "same address"),
    "room": Phrase("同じ部屋", "same room"),
    "postcode": Phrase("同じ郵便番号", "same postcode"),
    "family": Phrase("同じ姓", "same family name"),
    "phone": Phrase("同じ電話番号", "same phone"),
    "landline": Phrase("同じ固定電話", "same landline"),
}
