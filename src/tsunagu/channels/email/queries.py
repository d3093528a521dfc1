"""The SQL of the local mailbox's store (SQLite)."""

SCHEMA = """
create table if not exists mails (
    mail_id integer primary key,
    arrived_at integer not null,
    recipient text not null,
    subject text not null,
    message_id text not null,
    content blob not null
);
create index if not exists mails_recipient on mails (recipient, mail_id);
create index if not exists mails_message_id on mails (message_id);
"""

INSERT = """
insert into mails (arrived_at, recipient, subject, message_id, content)
values (?, ?, ?, ?, ?)
"""

_FOUND = """
(
    recipient like :search escape '\\'
    or subject like :search escape '\\'
    or message_id like :search escape '\\'
)
"""

_SUMMARY = "mail_id, arrived_at, recipient, subject, message_id, length(content)"

LIST = f"""
select {_SUMMARY}
from mails
where mail_id < :before and {_FOUND}
order by mail_id desc
limit :limit
"""  # noqa: S608 - written from the constants above

GET = f"select {_SUMMARY}, content from mails where mail_id = :mail_id"  # noqa: S608 - as above

COUNT = f"select count(*) from mails where {_FOUND}"  # noqa: S608 - as above

COUNT_BY_MESSAGE_ID = "select message_id, count(*) from mails group by message_id"
