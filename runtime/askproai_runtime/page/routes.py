"""The routes of a tenant's page. The page's code and Jinja2 are imported at the first request."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from askproai_core.http_server import Problem
from askproai_runtime.admin_api import PrivateApi
from askproai_runtime.page.actions import ACTIONS
from askproai_runtime.page.lazy_server import LazyServer
from askproai_runtime.page.origin import IS_PUBLISHED
from askproai_runtime.page.views import FORMS, VIEWS

if TYPE_CHECKING:
    from askproai_runtime.page.server import PageServer

PATHS: Final = (*VIEWS, "/live", "/login", "/login/issuer", "/login/callback", "/page/{digest}/{name}")


class Page:
    """The page of a web process's tenant. `health` returns the content of `/health/detailed`."""

    def __init__(self, api: PrivateApi, health: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._server = LazyServer(lambda: _import_server(api, health))
        self._config = api.process.config

    def serve(self, app: web.Application) -> None:
        """Add the page's routes to an application."""
        app.add_routes([web.get(path, self.answer) for path in (*FORMS, *PATHS)])
        app.add_routes([web.post(path, self.answer) for path in ("/login", "/logout", *ACTIONS)])
        app.router.add_get("/{unknown:.*}", self._answer_unknown)
        app.on_shutdown.append(self._server.close)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request. Raises `Problem` 404 at the published port if the tenant's page is not published."""
        if request.app.get(IS_PUBLISHED, False) and not self._is_published:
            raise Problem(404, "Not Found", "This page is not published")
        return await self._server.answer(request)

    async def _answer_unknown(self, request: web.Request) -> web.StreamResponse:
        """Answer an unknown path with 404: as HTML for a browser, or else as a problem document."""
        if "text/html" not in request.headers.get("Accept", ""):
            raise Problem(404, "Not Found", "This path is not served")
        return await self.answer(request)

    @property
    def _is_published(self) -> bool:
        page = self._config.current.page
        return page is not None and page.oidc is not None and bool(page.host)


def _import_server(api: PrivateApi, health: Callable[[], Awaitable[dict[str, Any]]]) -> "PageServer":
    from askproai_runtime.page.server import PageServer  # noqa: PLC0415 - see the module

    return PageServer(api, health)
