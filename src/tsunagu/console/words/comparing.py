"""Texts of what matching compares: its columns, and how two values come out."""

from tsunagu.console.phrases import Phrase
from tsunagu.identity.linking.comparing import AS_READ, AS_WRITTEN

COLUMNS = {
    "name": Phrase("氏名", "Name"),
    "family": Phrase("姓", "Family name"),
    "given": Phrase("名", "Given name"),
    "name_kana": Phrase("フリガナ", "Reading of the name"),
    "company": Phrase("会社名", "Company"),
    "address": Phrase("住所", "Address"),
    "city": Phrase("市区町村", "City"),
    "region": Phrase("都道府県", "Region"),
    "postcode": Phrase("郵便番号", "Postcode"),
    "phone": Phrase("電話番号", "Telephone"),
    "email": Phrase("メールアドレス", "E-mail address"),
    "birth_date": Phrase("生年月日", "Date of birth"),
    "gender": Phrase("性別", "Gender"),
}
"""The built-in columns of a record; others are called as their document calls them."""
part_of = Phrase("{column}（{part}の部分）", "{column} ({part})")
reading_of = Phrase("{column}の読み", "{column} (as read)")
both_of = Phrase("{one}と{other}", "{one} and {other}")

equal_only = Phrase("{column}だけ一致", "{column} equal only")
similar_only = Phrase("{column}だけ似ている", "{column} similar only")
LEVELS = {
    "missing": Phrase("値がない", "missing"),
    AS_WRITTEN: Phrase("表記で比較", "compared as it is written"),
    AS_READ: Phrase("読みで比較", "compared as it is read"),
    "different": Phrase("異なる", "different"),
    "similar": Phrase("似ている", "similar"),
    "very similar": Phrase("よく似ている", "very similar"),
    "equal": Phrase("一致", "equal"),
    "equal, a very common value": Phrase("一致（ごくありふれた値）", "equal, a very common value"),
    "equal, an uncommon value": Phrase("一致（あまりない値）", "equal, an uncommon value"),
    "equal, a rare value": Phrase("一致（珍しい値）", "equal, a rare value"),
    "equal, a usual value": Phrase("一致（ときどきある値）", "equal, a usual value"),
    "equal, a common value": Phrase("一致（よくある値）", "equal, a common value"),
    "both equal": Phrase("両方とも一致", "both equal"),
    "both equal, rare values": Phrase("両方とも一致（珍しい値）", "both equal, rare values"),
    "swapped": Phrase("互いに入れ替わっている", "swapped"),
    "one equal, the other similar": Phrase(
        "一方が一致、もう一方が似ている", "one equal, the other similar"
    ),
    "similar, the other equal": Phrase(
        "一方が似ていて、もう一方が一致", "similar, the other equal"
    ),
    "both similar": Phrase("両方とも似ている", "both similar"),
    "one swapped": Phrase("一方だけ入れ替わっている", "one swapped"),
    "written alike": Phrase("表記が一致", "written alike"),
    "written alike, a very common value": Phrase(
        "表記が一致（ごくありふれた値）", "written alike, a very common value"
    ),
    "written alike, an uncommon value": Phrase(
        "表記が一致（あまりない値）", "written alike, an uncommon value"
    ),
    "written alike, a rare value": Phrase("表記が一致（珍しい値）", "written alike, a rare value"),
    "written alike, a usual value": Phrase(
        "表記が一致（ときどきある値）", "written alike, a usual value"
    ),
    "written alike, a common value": Phrase(
        "表記が一致（よくある値）", "written alike, a common value"
    ),
    "read alike": Phrase("読みが一致", "read alike"),
    "read alike, a very common value": Phrase(
        "読みが一致（ごくありふれた値）", "read alike, a very common value"
    ),
    "read alike, an uncommon value": Phrase(
        "読みが一致（あまりない値）", "read alike, an uncommon value"
    ),
    "read alike, a rare value": Phrase("読みが一致（珍しい値）", "read alike, a rare value"),
    "read alike, a usual value": Phrase(
        "読みが一致（ときどきある値）", "read alike, a usual value"
    ),
    "read alike, a common value": Phrase("読みが一致（よくある値）", "read alike, a common value"),
    "read alike, written otherwise": Phrase(
        "読みは一致、表記は異なる", "read alike, written otherwise"
    ),
    "reading one letter off": Phrase("読みが1文字違い", "reading one letter off"),
    "whole name read alike": Phrase("姓名を通した読みが一致", "whole name read alike"),
    "whole name one letter off": Phrase("姓名を通した読みが1文字違い", "whole name one letter off"),
    "whole name swapped": Phrase("姓と名が入れ替わっている", "whole name swapped"),
    "equal, of a mobile phone": Phrase("一致（携帯電話）", "equal, a mobile phone"),
    "equal, of a place": Phrase("一致（固定電話）", "equal, a landline"),
    "one of a mobile phone, one of a place": Phrase(
        "一方は携帯電話、一方は固定電話", "one a mobile phone, one a landline"
    ),
    "one character off": Phrase("1文字違い", "one character off"),
    "two characters off": Phrase("2文字違い", "two characters off"),
    "two characters off or parts swapped": Phrase(
        "2文字違い、または月日の入れ替わり", "two characters off or parts swapped"
    ),
}
"""By the labels that a model gives its levels."""
