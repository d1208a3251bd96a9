"""A small issuer of OpenID Connect with real keys: it checks what a client must send, and can answer wrongly on purpose."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from yarl import URL

CLIENT_ID, CLIENT_SECRET = "salon page", "s3cret+/ü"  # with characters that must be encoded
Claims = dict[str, Any]


@dataclass
class Login:
    """One code: its user, and the values that must be presented with it."""

    claims: Claims
    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class OidcIssuer:
    """`claims` are those of the next login. The other fields are faults, each of which changes one part of the answers."""

    url: str = ""
    claims: Claims = field(default_factory=dict)
    redirect_uris: Callable[[str], bool] = lambda uri: uri.endswith("/login/callback")
    change: Callable[[Claims], Claims] = lambda claims: claims  # changes the signed claims
    algorithm: str = "RS256"
    kid: str | None = ""  # instead of the key's own; None: no kid
    hidden: frozenset[str] = frozenset()  # claims that only the userinfo endpoint has
    userinfo_subject: str | None = None
    metadata: Claims = field(default_factory=dict)  # instead of the usual members
    statuses: dict[str, int] = field(default_factory=dict)  # by path: the status of the answer
    silent: set[str] = field(default_factory=set)  # paths that are never answered
    answer: Callable[[Claims], Claims] = lambda query: query  # changes the query of the redirect back
    asks: bool = False  # a page with a button, as people see it
    requests: list[str] = field(default_factory=list)
    _keys: dict[str, RSAKey | ECKey] = field(default_factory=dict)
    _logins: dict[str, Login] = field(default_factory=dict)
    _people: dict[str, Claims] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.rotate()

    def rotate(self) -> None:
        """Sign with new keys from now on; the former ones are not published any more."""
        self._keys = {
            "RS256": RSAKey.generate_key(2048, {"kid": f"rsa-{secrets.token_hex(4)}", "use": "sig"}),
            "ES256": ECKey.generate_key("P-256", {"kid": f"ec-{secrets.token_hex(4)}"}),
        }

    def sign(self, claims: Claims) -> str:
        """Return an ID token, changed by the active faults."""
        key = self._keys.get(self.algorithm, self._keys["RS256"])
        kid = key.kid if self.kid == "" else self.kid
        header = {"alg": self.algorithm} | ({"kid": kid} if kid else {})
        if self.algorithm == "none":
            return f"{_encode(header)}.{_encode(claims)}."
        # With the public key as the secret: the confusion that the list of algorithms prevents.
        if self.algorithm == "HS256":
            signed = f"{_encode(header)}.{_encode(claims)}"
            signature = hmac.digest(key.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"
        return jwt.encode(header, claims, key, algorithms=[self.algorithm])

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._faults])
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._metadata),
                web.get("/keys", self._jwks),
                web.get("/authorize", self._authorize),
                web.post("/token", self._token),
                web.get("/userinfo", self._userinfo),
            ]
        )
        return app

    @web.middleware
    async def _faults(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(request.path)
        if request.path in self.silent:
            await self._stopping.wait()
        if request.path in self.statuses:
            return web.json_response({"error": "temporarily_unavailable"}, status=self.statuses[request.path])
        return await handler(request)

    async def _metadata(self, _request: web.Request) -> web.Response:
        usual = {
            "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys", "userinfo_endpoint": f"{self.url}/userinfo",
        }  # fmt: skip
        return web.json_response(usual | self.metadata)

    async def _jwks(self, _request: web.Request) -> web.Response:
        foreign = [
            {"kty": "AKP", "kid": "post-quantum"}, {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}, {"kty": "RSA"},
        ]  # fmt: skip
        return web.json_response({"keys": [*foreign, *(key.as_dict(private=False) for key in self._keys.values())]})

    async def _authorize(self, request: web.Request) -> web.Response:
        query = request.query
        valid = query["response_type"] == "code" and query["code_challenge_method"] == "S256"
        if not valid or query["client_id"] != CLIENT_ID or not self.redirect_uris(query["redirect_uri"]):
            return web.Response(text="this client, redirect_uri or response_type is not known", status=400)
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self._logins[code] = Login(dict(self.claims), query["nonce"], query["code_challenge"], query["redirect_uri"])
        back = URL(query["redirect_uri"]).with_query(self.answer({"code": code, "state": query["state"]}))
        if self.asks:
            name = escape(str(self.claims.get("name", "")))
            text = f"<!doctype html><title>Issuer</title><h1>{name}</h1><a id=confirm href='{escape(str(back))}'>Log in</a>"
            return web.Response(text=text, content_type="text/html")
        return web.Response(status=302, headers={"Location": str(back)})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not self._is_client(request, dict(form)):
            return web.json_response({"error": "invalid_client"}, status=401)
        login = self._logins.pop(str(form["code"]), None)  # once
        verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        proven = login is not None and login.challenge == urlsafe_b64encode(verifier).decode().rstrip("=")
        if login is None or not proven or form["redirect_uri"] != login.redirect_uri:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        usual = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": login.nonce, **login.claims}
        access = secrets.token_urlsafe(16)
        self._people[access] = login.claims
        shown = {name: value for name, value in usual.items() if name not in self.hidden}
        return web.json_response(
            {"access_token": access, "token_type": "Bearer", "id_token": self.sign(self.change(shown))}
        )

    def _is_client(self, request: web.Request, form: dict[str, Any]) -> bool:
        kind, _, basic = request.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            parts = [unquote_plus(each) for each in b64decode(basic).decode().split(":")]
        else:
            parts = [form.get("client_id"), form.get("client_secret")]
        return parts == [CLIENT_ID, CLIENT_SECRET]

    async def _userinfo(self, request: web.Request) -> web.Response:
        claims = self._people.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if claims is None:
            return web.json_response({}, status=401)
        return web.json_response(claims | ({"sub": self.userinfo_subject} if self.userinfo_subject else {}))


@asynccontextmanager
async def running_issuer(claims: Claims | None = None, *, host: str = "127.0.0.1") -> AsyncIterator[OidcIssuer]:
    """Serve an issuer on a port of this machine, by the name `host`: to a browser `localhost` is another site than an address."""
    issuer = OidcIssuer(claims=claims or person())
    runner = web.AppRunner(issuer.app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://{host}:{runner.addresses[0][1]}"
    try:
        yield issuer
    finally:
        issuer._stopping.set()
        await runner.cleanup()


def person(*groups: str, subject: str = "u-1", name: str = "anna@salon.example") -> Claims:
    """Return the claims of somebody with these groups."""
    return {"sub": subject, "preferred_username": name, "groups": list(groups)}


def without(claims: Claims, names: Iterable[str]) -> Claims:
    return {name: value for name, value in claims.items() if name not in set(names)}


def _encode(part: Claims) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
