"""What both Python programs share: the client of PyPI `fitconnect`, pointed at us, and event tokens read by jwcrypto.

Nothing here is taken from our Rust code: keys, signatures and event logs are judged by jwcrypto alone.
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")

import requests  # noqa: E402
from fitconnect import Environment, FITConnectClient  # noqa: E402
from jwcrypto import jwk, jws  # noqa: E402

EVENTS = "https://schema.fitko.de/fit-connect/events/"


class Client(FITConnectClient):
    """The stranger's client with our addresses; it also keeps the tag of everything it sealed."""

    def __init__(self, told):
        super().__init__(Environment.TESTING, told["client_id"], told["client_secret"])
        self.token_url = told["token_url"]
        self.submission_api_url = told["submission_url"] + "/v1"
        self.tags = []

    def encrypt(self, destination_id, data):
        sealed = super().encrypt(destination_id, data)
        self.tags.append(sealed.rsplit(".", 1)[1])
        return sealed

    def key_of(self, issuer, kid):
        """The key an event names: of the service where the issuer is an address, else of the destination."""
        if issuer.startswith("http"):
            keys = requests.get(issuer + "/.well-known/jwks.json", timeout=10).json()["keys"]
            return next(key for key in keys if key["kid"] == kid)
        return self._authorized_get(f"/destinations/{issuer}/keys/{kid}").json()

    def events(self, case):
        """The verified claims of every event of a case, oldest first."""
        answer = self._authorized_get(f"/cases/{case}/events?limit=500")
        if answer.status_code != 200:
            raise SystemExit(f"event log: {answer.status_code} {answer.text}")
        return [self.verified(token) for token in answer.json()["eventLog"]]

    def verified(self, text):
        token = jws.JWS()
        token.allowed_algs = ["PS512"]
        token.deserialize(text)
        header = token.jose_header
        if header["typ"] != "secevent+jwt":
            raise SystemExit(f"typ of an event: {header}")
        claims = json.loads(token.objects["payload"])
        token.verify(jwk.JWK(**self.key_of(claims["iss"], header["kid"])))
        return claims


def event_of(claims):
    """The name of the only event in a token, and its payload."""
    ((uri, payload),) = claims["events"].items()
    return uri.removeprefix(EVENTS), payload


def told():
    """What the test wants: one JSON document on standard input."""
    return json.load(sys.stdin)


def tell(result):
    """What came of it: one JSON document on standard output."""
    json.dump(result, sys.stdout)
