"""The API's door on the running twin: whatever is not the credentials, however written or repeated, is turned away."""

from __future__ import annotations

import base64
import http.client
from urllib.parse import urlsplit

from tests.twin.conftest import System


def _status(system: System, method: str, path: str, headers: list[tuple[str, str]]) -> int:
    """One request, byte for byte as given: no client that tidies up in between."""
    place = urlsplit(f"{system.outputs['api_url']}{path}")
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    try:
        connection.putrequest(method, place.path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1", "replace"))
        connection.endheaders()
        return connection.getresponse().status
    except (http.client.HTTPException, ConnectionError):
        return 400  # refused without an answer
    finally:
        connection.close()


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_nobody_is_let_in_by_another_way_of_writing(system: System) -> None:
    user, password = system.outputs["api_user"], system.outputs["api_password"]
    right, wrong = _basic(user, password), _basic(user, f"{password}x")
    assert _status(system, "GET", "/clients/1", [("Authorization", right)]) == 200
    # From here on the right answer is cached, and so are none of these.
    attempts = [
        [], [("Authorization", "")], [("Authorization", " ")], [("Authorization", wrong)],
        [("Authorization", _basic(user.upper(), password))], [("Authorization", _basic(user, password.swapcase()))],
        [("Authorization", _basic(f"{user} ", password))], [("Authorization", _basic(user, ""))],
        [("Authorization", right.removeprefix("Basic "))], [("Authorization", f"Bearer {right[6:]}")],
        [("Authorization", f"{right}=")], [("Authorization", "Basic " + "A" * 7000)],
        [("Authorization", _basic(user.replace("o", "\u043e").replace("e", "\u0435") + "\u200b", password))],
        [("Authorization", wrong), ("Authorization", wrong)], [("Authorization", f"{wrong}, {right}")],
        [("Proxy-Authorization", right)], [("X-Authorization", right)], [("Cookie", f"Authorization={right}")],
        [("X-Amzn-Remapped-Authorization", right)], [("X-Api-Key", password)],
    ]  # fmt: skip
    for headers in attempts:
        for method, path in (("GET", "/clients/1"), ("PATCH", "/clients/1"), ("POST", "/orders")):
            status = _status(system, method, path, headers)
            assert status in (400, 401, 403), (method, path, headers, status)


def test_no_spelling_of_a_path_goes_round_the_door(system: System) -> None:
    for path in ("/clients/1/", "//clients/1", "/clients/%31", "/CLIENTS/1", "/clients/1;x", "/./clients/1",
                 "/orders/../clients/1", "/clients//1", "/clients/1%00", "/clients/1?Authorization=x"):  # fmt: skip
        assert _status(system, "GET", path, []) in (400, 401, 403, 404), path
