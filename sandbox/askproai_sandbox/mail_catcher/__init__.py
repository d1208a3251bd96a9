"""A mail server of this machine that keeps what tenants send, and delivers nothing: people and call scripts read it by HTTP."""

from askproai_sandbox.mail_catcher.server import MailCatcher, serve_catcher

__all__ = ["MailCatcher", "serve_catcher"]
