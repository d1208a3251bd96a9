"""A tenant's provider keys, read by name from the Secrets that its manifest names."""

from dataclasses import dataclass

from askproai_operator.api import SecretKeyRef, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, bad
from askproai_operator.engine import World, refs
from askproai_operator.external import CredentialProblem, secret_value

RETELL_KEY = "retell-api-key"
CALCOM_KEY = "calcom-api-key"
CALCOM_WEBHOOK = "calcom-webhook-secret"
STRIPE_WEBHOOK = "stripe-webhook-secret"
RETELL_WEBHOOK = "retell-webhook-key-{index}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What could be read; `refs` maps the name of each mounted file to where its value stands. Never logged."""

    values: dict[str, str]
    refs: dict[str, SecretKeyRef]
    problems: tuple[CredentialProblem, ...]
    retell_base_url: str
    calcom_base_url: str

    @property
    def retell_key(self) -> str | None:
        return self.values.get(RETELL_KEY)

    @property
    def calcom_key(self) -> str | None:
        return self.values.get(CALCOM_KEY)

    @property
    def calcom_webhook_secret(self) -> str | None:
        return self.values.get(CALCOM_WEBHOOK)

    def condition(self) -> Condition | None:
        """Give what is wrong, or None; the first problem's reason counts."""
        if not self.problems:
            return None
        text = "; ".join(problem.message for problem in self.problems)
        return bad(ConditionType.CREDENTIALS_VALID, self.problems[0].reason, text)

    def __repr__(self) -> str:  # a traceback or a log line must not carry the keys
        return f"Credentials({', '.join(sorted(self.values))})"


def named_secrets(tenant: Tenant) -> dict[str, SecretKeyRef]:
    """Give every Secret key that a tenant names, by the name of the file that the pods read."""
    spec = tenant.spec
    named = {RETELL_KEY: spec.retell.api_key_secret_ref}
    for index, ref in enumerate(spec.retell.webhook_key_secret_refs):
        named[RETELL_WEBHOOK.format(index=index)] = ref
    if spec.calendar.calcom is not None:
        named[CALCOM_KEY] = spec.calendar.calcom.api_key_secret_ref
        named[CALCOM_WEBHOOK] = spec.calendar.calcom.webhook_secret_ref
    if spec.stripe is not None:
        named[STRIPE_WEBHOOK] = spec.stripe.webhook_secret_ref
    return named


async def read_credentials(tenant: Tenant, world: World) -> Credentials:
    """Read the named keys, each Secret once."""
    named = named_secrets(tenant)
    secrets = {
        name: await world.kube.get(refs.SECRETS, tenant.metadata.namespace, name)
        for name in sorted({ref.name for ref in named.values()})
    }
    values: dict[str, str] = {}
    problems: list[CredentialProblem] = []
    for file, ref in named.items():
        found = secret_value(secrets[ref.name], ref.name, ref.key)
        if isinstance(found, CredentialProblem):
            problems.append(found)
        else:
            values[file] = found
    calcom = tenant.spec.calendar.calcom
    return Credentials(
        values=values,
        refs=named,
        problems=tuple(problems),
        retell_base_url=tenant.spec.retell.base_url or world.settings.retell_base_url,
        calcom_base_url=(calcom.base_url if calcom else None) or world.settings.calcom_base_url,
    )
