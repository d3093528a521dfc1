"""E-mail: the message as MIME, the line as SMTP, and a local mailbox to see it arrive."""

from tsunagu.channels.email.mailbox import Mailbox, MailSummary, StoredMail
from tsunagu.channels.email.mime import Mail, MailBuilder, valid_address
from tsunagu.channels.email.server import Fault, MailboxServer, run_mailbox
from tsunagu.channels.email.smtp import EmailChannel, SmtpServer

__all__ = [
    "EmailChannel",
    "Fault",
    "Mail",
    "MailBuilder",
    "MailSummary",
    "Mailbox",
    "MailboxServer",
    "SmtpServer",
    "StoredMail",
    "run_mailbox",
    "valid_address",
]
