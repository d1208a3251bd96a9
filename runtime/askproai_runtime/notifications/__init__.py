"""Mails and messages to customers and to the business, from the row in a booking's transaction to the mail server's answer.

`outbox` writes notifications, in the transaction of their cause. `task` sends them in the worker: it decides by the appointment
as it is then (`decide`), renders (`render`, `words`) and passes the result to a channel (`email_channel`, `webhook_channel`).
`schedule` computes when reminders and the daily list are due. The reasons: docs/decisions/0078-notifications.md.

This file imports nothing, so that the web process loads only `outbox`, and nothing that sends.
"""
