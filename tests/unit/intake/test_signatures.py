"""Known signature vectors of each sender, and what must never be accepted."""

from datetime import UTC, datetime, timedelta

import pytest

from askproai_core.signature_verdict import Verdict
from askproai_runtime.intake import Source, WebhookSource
from askproai_runtime.intake.senders import SENDERS
from askproai_runtime.intake.signatures import verify
from askproai_sandbox import stripe
from tests.worlds.rows import each_row

KEY = "key_test_0123456789abcdef"
RETELL_1 = b'{"event":"call_started","call":{"call_id":"call_test_0001"}}'
RETELL_1_HEADER = "v=1760000000000,d=a55b59a98826cca72b5d5116aa99ee3f83349b4e2aa06bf167682c3e178b9261"
RETELL_2 = (
    '{"event":"call_analyzed","call":{"call_id":"call_test_0002","call_analysis":{"call_summary":'
    '"Frau Müller möchte Strähnchen – 89 €"}}}'
).encode()
RETELL_2_HEADER = "v=1760000123456,d=99fb7691711393eb15f0aaf59fd20bed02a38b6a4a7825e7d89b03618e5b906c"
RETELL_3_HEADER = "v=1,d=883b4661d032b056a770544d704483d3a94d62effc90ed5e431e8fb6c1ce9e04"

CALCOM_KEY = "cal_webhook_secret_0001"
CALCOM_1 = (
    b'{"triggerEvent":"BOOKING_CREATED","createdAt":"2026-01-01T00:00:00.000Z","payload":{"uid":"bkg_uid_001",'
    b'"startTime":"2026-01-05T09:00:00Z","endTime":"2026-01-05T09:30:00Z"}}'
)
CALCOM_1_HEADER = "f24e41361cb07dcdbb32026ee39f1551dd61bcd292ffba9a6fa2d869d1f660d1"
CALCOM_2 = (
    '{"triggerEvent":"BOOKING_CANCELLED","createdAt":"2026-01-01T00:05:00.000Z","payload":{"uid":"bkg_uid_001",'
    '"cancellationReason":"Müller sagt ab"}}'
).encode()
CALCOM_2_HEADER = "5beebbc8c846e6312f3fd8852f28fb84b3af5ac8ae58fe68990fbc51655b5ae5"

STRIPE_KEY = "whsec_test_secret_0001"
STRIPE_1 = (
    b'{"id":"evt_test_001","object":"event","type":"invoice.paid","created":1767225600,"livemode":false,'
    b'"data":{"object":{"id":"in_test_001","object":"invoice"}}}'
)
STRIPE_1_HEADER = "t=1767225601,v1=b174710b3971fe4951c5daf70350e11fa59470f1e92f7064cd22aa454c1a9b58"
STRIPE_2 = (
    '{"id":"evt_test_002","object":"event","type":"customer.subscription.deleted","created":1767225700,'
    '"livemode":false,"data":{"object":{"id":"sub_test_ü","object":"subscription"}}}'
).encode()
STRIPE_2_HEADER = "t=1767225777,v1=33828869e02a867afdafd28513add2f31e0fe42e1cb930163b5247dfcfefd8c0"


def at_ms(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def judge(source: WebhookSource, body: bytes, header: str | None, keys: list[str], now: datetime) -> Verdict:
    headers = {} if header is None else {SENDERS[source].signature_header: header}
    return verify(source, body, headers, keys, now)


@each_row(
    ("body", "header", "key", "signed_at"),
    [
        (RETELL_1, RETELL_1_HEADER, KEY, 1760000000000),
        (RETELL_2, RETELL_2_HEADER, KEY, 1760000123456),
        (b"", RETELL_3_HEADER, "key_ANOTHER-key", 1),
    ],
)
@each_row(
    ("drift_ms", "verdict"),
    [
        (0, Verdict.VALID),
        (300_000, Verdict.VALID),
        (-300_000, Verdict.VALID),
        (300_001, Verdict.OUTSIDE_WINDOW),
        (-300_001, Verdict.OUTSIDE_WINDOW),
    ],
)
def test_retell_signature_is_valid_within_five_minutes(
    body: bytes, header: str, key: str, signed_at: int, drift_ms: int, verdict: Verdict
) -> None:
    assert judge(Source.RETELL, body, header, ["key_rotated", key], at_ms(signed_at + drift_ms)) is verdict


@pytest.mark.parametrize(("body", "header"), [(CALCOM_1, CALCOM_1_HEADER), (CALCOM_2, CALCOM_2_HEADER)])
def test_calcom_signature_examples_are_valid(body: bytes, header: str) -> None:
    assert judge(Source.CALCOM, body, header, [CALCOM_KEY], at_ms(0)) is Verdict.VALID


MALFORMED, MISMATCH, MISSING = Verdict.MALFORMED, Verdict.MISMATCH, Verdict.MISSING


@each_row(
    ("source", "body", "header", "keys", "verdict"),
    [
        *((Source.RETELL, RETELL_1, *row) for row in (
            (None, [KEY], MISSING), (RETELL_1_HEADER.upper(), [KEY], MALFORMED), (RETELL_1_HEADER + " ", [KEY], MALFORMED),
            (RETELL_1_HEADER + "\n", [KEY], MALFORMED), ("", [KEY], MALFORMED),
            (RETELL_1_HEADER.replace("1760000000000", "١٧٦٠٠٠٠٠٠٠٠٠٠"), [KEY], MALFORMED),
            (RETELL_1_HEADER.replace("=1760", "=9" + "9" * 20), [KEY], MALFORMED),
            (RETELL_1_HEADER.replace("000000,", "000001,"), [KEY], MISMATCH),
            (RETELL_1_HEADER, ["key_other"], MISMATCH), (RETELL_1_HEADER, [], Verdict.NO_KEY),
        )),
        (Source.RETELL, RETELL_1 + b" ", RETELL_1_HEADER, [KEY], MISMATCH),
        *((Source.CALCOM, CALCOM_1, *row) for row in (
            ("no-secret-provided", [CALCOM_KEY], MALFORMED),
            ("sha256=" + CALCOM_1_HEADER, [CALCOM_KEY], MALFORMED), (CALCOM_1_HEADER.upper(), [CALCOM_KEY], MALFORMED),
            (CALCOM_1_HEADER[:-1], [CALCOM_KEY], MALFORMED), ("", [CALCOM_KEY], MALFORMED), (None, [CALCOM_KEY], MISSING),
            (CALCOM_2_HEADER, [CALCOM_KEY], MISMATCH), (CALCOM_1_HEADER, ["another"], MISMATCH),
            (CALCOM_1_HEADER, [], Verdict.NO_KEY),
        )),
    ],
)  # fmt: skip
def test_unsigned_request_is_refused(
    source: WebhookSource, body: bytes, header: str | None, keys: list[str], verdict: Verdict
) -> None:
    assert judge(source, body, header, keys, at_ms(1760000000000)) is verdict


@each_row(
    ("body", "header", "signed_at"),
    [
        (STRIPE_1, STRIPE_1_HEADER, 1767225601),
        (STRIPE_2, STRIPE_2_HEADER, 1767225777),
        (STRIPE_1, STRIPE_1_HEADER.replace("v1=", f"v1={'0' * 64},v1=") + ",v0=abc", 1767225601),
    ],
)
@each_row(
    ("drift", "verdict"),
    [
        (0, Verdict.VALID),
        (300, Verdict.VALID),
        (-300, Verdict.VALID),
        (301, Verdict.OUTSIDE_WINDOW),
        (-301, Verdict.OUTSIDE_WINDOW),
    ],
)
def test_stripe_signature_is_valid_within_five_minutes(
    body: bytes, header: str, signed_at: int, drift: int, verdict: Verdict
) -> None:
    assert (
        judge(Source.STRIPE, body, header, ["whsec_rolled", STRIPE_KEY], at_ms((signed_at + drift) * 1000)) is verdict
    )


@pytest.mark.parametrize(
    ("header", "keys", "verdict"),
    [
        (None, [STRIPE_KEY], Verdict.MISSING),
        ("", [STRIPE_KEY], Verdict.MALFORMED),
        ("t=1767225601", [STRIPE_KEY], Verdict.MALFORMED),
        ("v1=" + "0" * 64, [STRIPE_KEY], Verdict.MALFORMED),
        ("t=soon,v1=" + "0" * 64, [STRIPE_KEY], Verdict.MALFORMED),
        (STRIPE_1_HEADER + ",t=1767225602", [STRIPE_KEY], Verdict.MALFORMED),
        (STRIPE_1_HEADER.replace("v1", "v0"), [STRIPE_KEY], Verdict.MALFORMED),
        (STRIPE_1_HEADER.replace("5601", "5602"), [STRIPE_KEY], Verdict.MISMATCH),
        (STRIPE_1_HEADER, ["whsec_other"], Verdict.MISMATCH),
        (STRIPE_1_HEADER, [], Verdict.NO_KEY),
    ],
)
def test_request_unsigned_by_stripe_is_refused(header: str | None, keys: list[str], verdict: Verdict) -> None:
    assert judge(Source.STRIPE, STRIPE_1, header, keys, at_ms(1767225601000)) is verdict


def test_stripe_secret_of_another_endpoint_is_refused() -> None:
    """Test and live mode have a secret each; two count while one replaces the other."""
    seconds = 1767225601
    header, now = stripe.signature("whsec_of_test_mode", STRIPE_1, seconds), at_ms(seconds * 1000)
    assert judge(Source.STRIPE, STRIPE_1, header, ["whsec_of_live_mode"], now) is Verdict.MISMATCH
    assert judge(Source.STRIPE, STRIPE_1, header, ["whsec_of_live_mode", "whsec_of_test_mode"], now) is Verdict.VALID
