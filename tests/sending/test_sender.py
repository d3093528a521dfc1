"""A message leaves once, archived, when it still may; otherwise everybody can see why not."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy

from sending_shop import SECRET, Post, Shop, sender, wait_until

from tsunagu.access import pause_sends, set_clock
from tsunagu.core.times import DAY, HOUR, parse_time
from tsunagu.sending import Seals, archived, prove
from tsunagu.storage import Database, in_workspace


def ended(shop: Shop) -> Callable[[], bool]:
    return lambda: shop.waiting() == 0


def test_a_message_is_archived_handed_over_and_told_as_an_event(
    database: Database, shop: Shop, post: Post
) -> None:
    with sender(database, post.settings()):
        ken = shop.queue(shop.customer("ken"))
        ai = shop.queue(shop.customer("ai", language="ja-JP"))
        wait_until(ended(shop), "both mails")
    assert shop.state(ken) == shop.state(ai) == "sent"
    [mail] = post.mailbox.list(search="ai@customers.example")
    assert mail.subject == "クーポンのお知らせ"
    stored = post.mailbox.get(mail.mail_id)
    assert stored is not None
    with in_workspace(shop.connection, shop.workspace) as cursor:
        kept = archived(cursor, shop.workspace, ai)
        proof = prove(cursor, shop.workspace, Seals(SECRET))
    assert kept.content == stored.content
    assert kept.subject == "クーポンのお知らせ"
    assert proof.whole
    assert proof.checked == 2
    parsed = message_from_bytes(stored.content, policy=policy.default)
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [(name, said)] = shop.events(ai)
    assert name == "Message Sent"
    assert said == {
        "send_id": ai,
        "message": "coupons",
        "journey": "reminder",
        "node": "say",
        "channel": "email",
        "purpose": "marketing",
    }


def test_what_has_changed_since_the_decision_is_seen_at_the_claim(
    database: Database, shop: Shop, post: Post
) -> None:
    sends = {
        name: shop.queue(shop.customer(name, consent=name != "never"))
        for name in ("fine", "withdrawn", "never", "suppressed", "merged", "joined", "erased")
    }
    sends["expired"] = shop.queue(shop.customer("expired"), expires=0)
    customers = dict(shop.run("select first_value, customer_id from customers"))
    shop.consent(customers["withdrawn"], False)
    shop.run(
        "insert into suppressions (workspace_id, channel, address, reason, at)"
        " values (%s, 'email', 'suppressed@customers.example', 'bounced', now())",
        shop.workspace,
    )
    # The survivor's word counts: of one who agrees, and of one who withdrew.
    for name, survivor in (("merged", "fine"), ("joined", "withdrawn")):
        shop.run(
            "update customers set merged_into = %s where customer_id = %s",
            customers[survivor], customers[name],
        )  # fmt: skip
    with database.connect("owner") as owner, in_workspace(owner, shop.workspace) as cursor:
        cursor.execute("delete from customers where customer_id = %s", (customers["erased"],))
    with sender(database, post.settings()):
        wait_until(ended(shop), "all are decided")
    assert {name: shop.state(send) for name, send in sends.items()} == {
        "fine": "sent",
        "withdrawn": "refused: no_consent",
        "never": "refused: no_consent",
        "suppressed": "refused: suppressed",
        "merged": "sent",
        "joined": "refused: no_consent",
        "erased": "refused: erased",
        "expired": "expired: expired",
    }
    assert post.mailbox.count() == 2
    [(name, said)] = shop.events(sends["withdrawn"])
    assert name == "Message Refused"
    assert said["reason"] == "no_consent"
    refusals = shop.run("select reason from send_refusals where workspace_id = %s", shop.workspace)
    assert len(refusals) == 6


def test_quiet_hours_in_the_customers_zone_hold_a_message_until_they_end(
    database: Database, make_workspace: Callable[..., int], post: Post
) -> None:
    noon = parse_time("2017-11-02T12:00:00")
    shop = Shop(database, make_workspace(clock="driven", clock_now=noon))
    shop.publish("policy", "contact", {"quiet_hours": {"from": "21:00", "to": "08:00"}})
    tokyo = shop.queue(shop.customer("tokyo", timezone="Asia/Tokyo"))  # 21:00 there
    london = shop.queue(shop.customer("london", timezone="Europe/London"))
    notice = shop.queue(shop.customer("notice", timezone="Asia/Tokyo"), message="notice")
    with sender(database, post.settings()):
        wait_until(lambda: shop.state(london) == shop.state(notice) == "sent", "the two in time")
        assert shop.state(tokyo) == "queued"
        [(until,)] = shop.run("select not_before from outbox where send_id = %s", tokyo)
        assert until.isoformat() == "2017-11-02T23:00:00+00:00"  # 08:00 in Tokyo
        with in_workspace(shop.app, shop.workspace) as cursor:
            set_clock(cursor, shop.workspace, noon + 11 * HOUR)
        wait_until(lambda: shop.state(tokyo) == "sent", "the morning in Tokyo")
    assert post.arrived("tokyo@") == 1
    [(at,)] = shop.run("select result_at from send_ledger where send_id = %s", tokyo)
    assert at.isoformat() == "2017-11-02T23:00:00+00:00"


def test_a_message_may_expire_in_the_quiet_hours(
    database: Database, make_workspace: Callable[..., int], post: Post
) -> None:
    night = parse_time("2017-11-02T22:00:00")
    shop = Shop(database, make_workspace(clock="driven", clock_now=night))
    shop.publish("policy", "contact", {"quiet_hours": {"from": "21:00", "to": "08:00"}})
    send = shop.queue(shop.customer("late"), expires=HOUR)
    with sender(database, post.settings()):
        wait_until(
            lambda: shop.run("select 1 from outbox where not_before > %s", "2017-11-03") != [],
            "the message is put back",
        )
        with in_workspace(shop.app, shop.workspace) as cursor:
            set_clock(cursor, shop.workspace, night + DAY // 2)
        wait_until(lambda: shop.state(send) == "expired: expired", "the end")
    assert post.mailbox.count() == 0


def test_the_emergency_stop_holds_everything_until_it_is_lifted(
    database: Database, shop: Shop, post: Post
) -> None:
    pause_sends(shop.app, shop.workspace, True)
    send = shop.queue(shop.customer("ken"))
    other = Shop(database, shop.workspace)
    with sender(database, post.settings()) as figures:
        wait_until(lambda: other.waiting() == 1, "it is queued")
        probe = shop.queue(shop.customer("probe"))
        shop.make_due()
        assert shop.state(send) == shop.state(probe) == "queued"
        pause_sends(shop.app, shop.workspace, False)
        wait_until(ended(shop), "the mails after the stop")
    assert shop.state(send) == "sent"
    assert figures.read()["counter"]["tsunagu.sending.sent"] == 2


def test_a_temporary_refusal_is_tried_again_later_with_the_same_mail(
    database: Database, shop: Shop, post: Post
) -> None:
    post.faults["ken@customers.example"] = "rcpt 4xx"
    send = shop.queue(shop.customer("ken"))
    with sender(database, post.settings()):
        wait_until(
            lambda: (
                shop.run(
                    "select attempts, state from outbox where workspace_id = %s", shop.workspace
                )
                == [(1, "queued")]
            ),
            "it is put off",
        )
        [(wait,)] = shop.run(
            "select extract(epoch from not_before - now())::int from outbox where send_id = %s",
            send,
        )
        assert 5 <= wait <= 15
        with in_workspace(shop.connection, shop.workspace) as cursor:
            before = archived(cursor, shop.workspace, send)
        del post.faults["ken@customers.example"]
        shop.make_due()
        wait_until(ended(shop), "the second attempt")
    assert shop.state(send) == "sent"
    [mail] = post.mailbox.list()
    stored = post.mailbox.get(mail.mail_id)
    assert stored is not None
    assert stored.content == before.content
    assert [name for name, _ in shop.events(send)] == ["Message Sent"]


def test_giving_up_has_an_end(database: Database, shop: Shop, post: Post) -> None:
    post.faults["ken@customers.example"] = "data 4xx"
    send = shop.queue(shop.customer("ken"))
    shop.run("update outbox set attempts = 9 where send_id = %s", send)
    with sender(database, post.settings()):
        wait_until(ended(shop), "the last attempt")
    assert shop.state(send) == "failed: gave_up"
    [(name, said)] = shop.events(send)
    assert name == "Message Failed"
    assert "452" in said["detail"]


def test_a_hard_bounce_is_the_last_mail_to_an_address(
    database: Database, shop: Shop, post: Post
) -> None:
    post.faults["gone@customers.example"] = "rcpt 5xx"
    post.faults["spam@customers.example"] = "data 5xx"
    gone, spam = shop.customer("gone", email="Gone@customers.example"), shop.customer("spam")
    post.faults["Gone@customers.example"] = "rcpt 5xx"
    bounced, refused = shop.queue(gone), shop.queue(spam)
    with sender(database, post.settings()):
        wait_until(ended(shop), "both refusals")
        post.faults.clear()
        again, content = shop.queue(gone), shop.queue(spam)
        wait_until(ended(shop), "the next messages")
    assert shop.state(bounced) == "failed: bounced"
    assert shop.state(refused) == "failed: refused_by_provider"
    assert shop.state(again) == "refused: suppressed"
    assert shop.state(content) == "sent"
    assert shop.run(
        "select address, reason from suppressions where workspace_id = %s", shop.workspace
    ) == [("gone@customers.example", "bounced")]
    [(detail,)] = shop.run("select detail from send_ledger where send_id = %s", bounced)
    assert detail == "550 5.1.1 No such customer"


def test_a_line_that_breaks_after_the_content_leaves_an_unknown_that_is_never_sent_again(
    database: Database, shop: Shop, post: Post
) -> None:
    post.faults["ken@customers.example"] = "drop after data"
    send = shop.queue(shop.customer("ken"))
    with sender(database, post.settings()):
        wait_until(ended(shop), "the broken line")
        assert shop.state(send) == "unknown: line_broke"
        other = shop.queue(shop.customer("ai"))
        wait_until(ended(shop), "the next message on a new line")
    with sender(database, post.settings()):
        shop.make_due()
    assert shop.state(other) == "sent"
    assert shop.state(send) == "unknown: line_broke"
    assert post.arrived("ken@") == 1
    assert [name for name, _ in shop.events(send)] == ["Message Delivery Unknown"]


def test_a_message_that_cannot_be_written_fails_alone(
    database: Database, shop: Shop, post: Post
) -> None:
    broken = shop.customer("broken", email="no address@customers.example")
    missing = shop.queue(shop.customer("missing"), message="nowhere")
    bad, fine = shop.queue(broken), shop.queue(shop.customer("fine"))
    with sender(database, post.settings()):
        wait_until(ended(shop), "all three")
    assert shop.state(missing) == "failed: no_message"
    assert shop.state(bad) == "failed: bad_address"
    assert shop.state(fine) == "sent"


def test_two_senders_share_the_work_and_send_nothing_twice(
    database: Database, shop: Shop, post: Post
) -> None:
    customers = [shop.customer(f"c{n}") for n in range(300)]
    with sender(database, post.settings()) as one, sender(database, post.settings()) as two:
        shop.queue_all(customers)
        wait_until(ended(shop), "300 mails")
    assert shop.states() == {"sent": 300}
    copies = post.mailbox.copies()
    assert len(copies) == 300
    assert set(copies.values()) == {1}
    shares = [f.read()["counter"].get("tsunagu.sending.sent", 0) for f in (one, two)]
    assert sum(shares) == 300
    assert min(shares) > 0


def test_an_archived_mail_that_was_changed_is_found(
    database: Database, shop: Shop, post: Post
) -> None:
    sends = [shop.queue(shop.customer(name)) for name in ("ken", "ai", "jo")]
    with sender(database, post.settings()):
        wait_until(ended(shop), "the mails")
    with database.connect("owner") as owner, in_workspace(owner, shop.workspace) as cursor:
        cursor.execute(
            "update archive set content = 'forged', sha256 = sha256('forged') where send_id = %s",
            (sends[0],),
        )
        cursor.execute("delete from archive where send_id = %s", (sends[1],))
        proof = prove(cursor, shop.workspace, Seals(SECRET))
    assert proof.altered == [sends[0]]
    assert proof.missing == [sends[1]]
    assert not proof.whole
