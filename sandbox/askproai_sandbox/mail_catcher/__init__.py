"""A mail server on this machine that stores the mails of tenants and delivers none; people and call scripts read them by HTTP."""

from askproai_sandbox.mail_catcher.server import MailCatcher, serve_catcher

__all__ = ["MailCatcher", "serve_catcher"]
