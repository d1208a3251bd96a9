"""Draw docs/images/mail-booked.png: the confirmation of docs/mails.md as a mail program shows it, its HTML under its header.

Run it from the root of the repository after a change of the mail: python -m hack.mail_picture (it needs Chromium and ImageMagick).
"""

import hashlib
import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from askproai_runtime.notifications.types import Kind, Recipient
from tests.unit.notifications.test_mails_page import compose

PICTURE: Final = Path(__file__).parents[1] / "docs" / "images" / "mail-booked.png"
_WIDTH: Final = 720  # pixels
_HEIGHT: Final = 640  # more than the mail needs; white space below is cut off
_HEADS: Final = (("Von", "From"), ("An", "To"), ("Betreff", "Subject"))
_STYLE: Final = """
    body { margin: 24px; font: 15px/1.45 sans-serif; color: #222; background: #fff }
    table { margin-bottom: 20px; padding-bottom: 12px; border-bottom: 1px solid #ccc; width: 100% }
    th { width: 70px; text-align: left; font-weight: normal; color: #777 } tr:last-child td { font-weight: bold }
    .file { display: inline-block; margin-top: 8px; padding: 6px 12px; border: 1px solid #ccc; border-radius: 6px; color: #555 }
"""


def page() -> str:
    """Return the HTML of the page to draw: the confirmation's header, its HTML as sent, and the name of its calendar file."""
    mail = compose(Kind.BOOKED, Recipient.CUSTOMER)
    body = mail.get_body(("html",))
    assert body is not None
    heads = "".join(f"<tr><th>{name}</th><td>{html.escape(str(mail[head]))}</td></tr>" for name, head in _HEADS)
    files = "".join(f'<p class="file">{each.get_filename()}</p>' for each in mail.iter_attachments())
    head = f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style><table>{heads}</table>'
    return head + body.get_content().replace("\r\n", "\n") + files


def digest() -> str:
    """Return a hash of the page to draw. The picture's file contains it, so that a test notices an outdated picture."""
    return hashlib.sha256(page().encode()).hexdigest()


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or shutil.which("convert") is None:
        print("Chromium or ImageMagick is missing", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        source, drawn = Path(folder, "mail.html"), Path(folder, "mail.png")
        source.write_text(page(), "utf-8")
        flags = (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
        )
        subprocess.run(
            [chromium, *flags, f"--window-size={_WIDTH},{_HEIGHT}", f"--screenshot={drawn}", source.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        # The line under the header is as wide as the page, so only white space below is cut off.
        framed = ("-trim", "+repage", "-bordercolor", "white", "-border", "24", "-colors", "64")
        subprocess.run(
            [
                "convert",
                drawn,
                *framed,
                "+set",
                "date:create",
                "+set",
                "date:modify",
                "-set",
                "mail",
                digest(),
                f"PNG8:{PICTURE}",
            ],
            check=True,
            timeout=120,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
