"""E-mail: the message as MIME, the line as SMTP, and a local mailbox to see it arrive."""

from tsunagu.channels.email.mime import Mail, MailBuilder, valid_address
from tsunagu.channels.email.smtp import EmailChannel, SmtpServer

__all__ = ["EmailChannel", "Mail", "MailBuilder", "SmtpServer", "valid_address"]
