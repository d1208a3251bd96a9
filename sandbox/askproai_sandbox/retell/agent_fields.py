"""What an agent may say about itself (reference §2.2, §2.3), and what the server says where it does not."""

from typing import Any

from askproai_sandbox.retell.checks import (
    Check,
    anything,
    clearable,
    either,
    flag,
    integer,
    list_of,
    number,
    one_of,
    record,
    tagged,
    text,
    url,
)  # fmt: skip

VOICES = [
    {"voice_id": voice, "voice_name": voice.split("-", 1)[1], "provider": provider, "gender": gender, "accent": accent}
    for voice, provider, gender, accent in (
        ("11labs-Carola", "elevenlabs", "female", "German"), ("11labs-Adrian", "elevenlabs", "male", "American"),
        ("11labs-Marissa", "elevenlabs", "female", "American"), ("openai-Alloy", "openai", "female", "American"),
        ("cartesia-Viktoria", "cartesia", "female", "German"), ("cartesia-Sebastian", "cartesia", "male", "German"),
    )
]  # fmt: skip
WEBHOOK_EVENTS = (
    "call_started", "call_ended", "call_analyzed", "transcript_updated", "transfer_started", "transfer_bridged",
    "transfer_cancelled", "transfer_ended",
)  # fmt: skip
_LANGUAGES = (  # §2.2 names these of 60+; no de-AT, no de-CH, no multi
    "de-DE", "en-US", "en-GB", "en-AU", "en-NZ", "en-IN", "fr-FR", "fr-CA", "es-ES", "es-419", "it-IT", "nl-NL",
    "nl-BE", "pl-PL", "pt-PT", "pt-BR", "tr-TR", "uk-UA", "ru-RU", "ar-SA",
)  # fmt: skip
_VOICE_MODELS = (
    "eleven_flash_v2", "eleven_flash_v2_5", "eleven_multilingual_v2", "eleven_v3", "eleven_v3_conversational",
    "eleven_v4", "eleven_v4_turbo", "sonic-3", "sonic-3-latest", "sonic-3.5", "sonic-3.6", "tts-1", "gpt-4o-mini-tts",
    "speech-02-turbo", "speech-2.8-turbo", "s1", "s2-pro", "s2.1-pro", "inworld-tts-2", "inworld-tts-2-flash",
)  # fmt: skip
_PII = (
    "person_name", "address", "email", "phone_number", "ssn", "passport", "driver_license", "credit_card",
    "bank_account", "password", "pin", "medical_id", "date_of_birth", "customer_account_number",
)  # fmt: skip
_known_voice = one_of(*(voice["voice_id"] for voice in VOICES))
_language = one_of(*_LANGUAGES)

_finding: dict[str, Check] = {
    "type": text, "name": text, "description": text, "required": flag, "conditional_prompt": text,
}  # fmt: skip
FINDING = {  # §2.3
    "string": record({**_finding, "examples": list_of(text)}, {"type", "name", "description"}),
    "enum": record({**_finding, "choices": list_of(text)}, {"type", "name", "description", "choices"}),
    "boolean": record(_finding, {"type", "name", "description"}),
    "number": record(_finding, {"type", "name", "description"}),
}
_preset = record(
    {**_finding, "name": one_of("call_summary", "call_successful", "user_sentiment")}, {"type", "name"}
)  # fmt: skip

ENGINE = tagged("type", {
    "retell-llm": record({"type": text, "llm_id": text, "version": clearable(integer(0))}, {"type", "llm_id"}),
})  # fmt: skip

AGENT_FIELDS: dict[str, Check] = {
    "response_engine": ENGINE,
    "voice_id": _known_voice,
    "agent_name": clearable(text), "version_title": clearable(text), "version_description": clearable(text),
    "language": either(list_of(_language), _language),
    "voice_model": clearable(one_of(*_VOICE_MODELS)),
    "voice_temperature": number(0, 2), "voice_speed": number(0.5, 2), "volume": number(0, 2),
    "fallback_voice_ids": clearable(list_of(_known_voice)),
    "responsiveness": number(0, 1), "enable_dynamic_responsiveness": flag, "enable_dynamic_voice_speed": flag,
    "interruption_sensitivity": number(0, 1),
    "enable_backchannel": flag, "backchannel_frequency": number(0, 1), "backchannel_words": clearable(list_of(text)),
    "reminder_trigger_ms": number(1), "reminder_max_count": integer(0),
    "ambient_sound": clearable(one_of(
        "coffee-shop", "convention-hall", "summer-outdoor", "mountain-outdoor", "static-noise", "call-center")),
    "ambient_sound_volume": number(0, 2),
    "begin_message_delay_ms": number(0, 5000), "ring_duration_ms": number(5000, 300_000),
    "end_call_after_silence_ms": number(10_000), "max_call_duration_ms": number(60_000, 7_200_000),
    "webhook_url": clearable(url), "webhook_events": clearable(list_of(one_of(*WEBHOOK_EVENTS))),
    "webhook_timeout_ms": integer(1),
    "boosted_keywords": clearable(list_of(text)), "pronunciation_dictionary": clearable(list_of(record(
        {"word": text, "alphabet": one_of("ipa", "cmu", "pinyin", "jyutping"), "phoneme": text},
        {"word", "alphabet", "phoneme"}))),
    "stt_mode": one_of("fast", "accurate", "custom"), "custom_stt_config": clearable(record(
        {"provider": one_of("azure", "deepgram", "soniox", "assemblyai", "muse"), "endpointing_ms": integer(0)})),
    "vocab_specialization": one_of("general", "medical"),
    "denoising_mode": one_of("no-denoise", "noise-cancellation", "noise-and-background-speech-cancellation"),
    "timezone": clearable(text),
    "voicemail_option": clearable(record({"action": tagged("type", {
        "hangup": record({"type": text}), "bridge_transfer": record({"type": text}),
        "prompt": record({"type": text, "text": text}, {"text"}),
        "static_text": record({"type": text, "text": text}, {"text"}),
    }), "detection_prompt": clearable(text)}, {"action"})),
    "ivr_option": clearable(record(
        {"action": tagged("type", {"hangup": record({"type": text})}), "detection_prompt": clearable(text)},
        {"action"})),
    "call_screening_option": clearable(record({"agent_identity": text, "call_purpose": text})),
    "post_call_analysis_data": clearable(list_of(tagged("type", {**FINDING, "system-presets": _preset}))),
    "post_call_analysis_model": clearable(text),
    "data_storage_setting": one_of("everything", "everything_except_pii", "basic_attributes_only"),
    "data_storage_retention_days": clearable(integer(1, 730)),
    "opt_in_signed_url": flag, "signed_url_expiration_ms": clearable(integer(1)),
    "pii_config": record({"mode": one_of("post_call"), "categories": list_of(one_of(*_PII))}, {"mode", "categories"}),
    "guardrail_config": record({
        "output_topics": list_of(text), "input_topics": list_of(one_of("platform_integrity_jailbreaking"))}),
    "handbook_config": anything,
    "contact_memory_config": record({"enable_read": flag, "enable_update": flag}),
    "allow_user_dtmf": flag, "allow_dtmf_interruption": flag, "user_dtmf_options": clearable(record(
        {"digit_limit": clearable(integer(1)), "termination_key": clearable(text), "timeout_ms": integer(0)})),
    "pre_session_tools": clearable(list_of(anything)), "post_session_tools": clearable(list_of(anything)),
    "enable_dnc_detection": flag, "enable_expressive_mode": flag,
}  # fmt: skip

CREATE_AGENT = record({**AGENT_FIELDS, "is_transfer_agent": flag}, {"response_engine", "voice_id"})
UPDATE_AGENT = record(AGENT_FIELDS)

AGENT_DEFAULTS: dict[str, Any] = {  # §10.11: they appear in GET although nobody set them
    "language": "en-US", "voice_temperature": 1, "voice_speed": 1, "volume": 1, "responsiveness": 1,
    "enable_dynamic_responsiveness": False, "enable_dynamic_voice_speed": False, "interruption_sensitivity": 1,
    "enable_backchannel": False, "backchannel_frequency": 0.8, "reminder_trigger_ms": 10_000, "reminder_max_count": 1,
    "ambient_sound_volume": 1, "begin_message_delay_ms": 0, "ring_duration_ms": 30_000,
    "end_call_after_silence_ms": 600_000, "max_call_duration_ms": 3_600_000,
    "webhook_events": ["call_started", "call_ended", "call_analyzed"], "webhook_timeout_ms": 10_000,
    "stt_mode": "fast", "vocab_specialization": "general", "denoising_mode": "noise-cancellation",
    "timezone": "America/Los_Angeles", "post_call_analysis_model": "gpt-5.6-terra",
    "data_storage_setting": "everything", "opt_in_signed_url": False, "signed_url_expiration_ms": 86_400_000,
    "pii_config": {"mode": "post_call", "categories": []},
    "contact_memory_config": {"enable_read": True, "enable_update": False},
    "allow_user_dtmf": True, "allow_dtmf_interruption": False,
    "enable_dnc_detection": False, "enable_expressive_mode": False,
}  # fmt: skip
