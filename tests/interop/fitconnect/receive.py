"""Fetches the one submission that waits, has the client check it, and accepts it with a token that jwcrypto signed."""

import hashlib
import json
import time
import uuid

import jwcrypto.jwe
import requests
from jwcrypto import jwk, jws
from sealed import EVENTS, Client, event_of, tell, told

# jwcrypto's own limit for compressed content is below the size of common attachments.
jwcrypto.jwe.default_max_compressed_size = 64 << 20

wanted = told()
client = Client(wanted)
(waiting,) = client.available_submissions()
received = client.retrieve_submission(waiting["submissionId"], wanted["decryption_key"])

events = client.events(waiting["caseId"])
tags = next(payload for name, payload in map(event_of, events) if name == "submit-submission")["authenticationTags"]
claims = {
    "$schema": events[-1]["$schema"],
    "jti": str(uuid.uuid4()),
    "iss": wanted["destination"],
    "iat": int(time.time()),
    "sub": "submission:" + waiting["submissionId"],
    "txn": "case:" + waiting["caseId"],
    "events": {EVENTS + "accept-submission": {"authenticationTags": tags}},
}
key = wanted["signing_key"]
token = jws.JWS(json.dumps(claims))
token.allowed_algs = ["PS512"]
header = {"typ": "secevent+jwt", "alg": "PS512", "kid": key["kid"]}
token.add_signature(jwk.JWK(**key), protected=json.dumps(header))
client._refresh_access_token()
answer = requests.post(
    f"{client.submission_api_url}/cases/{waiting['caseId']}/events",
    data=token.serialize(compact=True),
    headers={"Authorization": "Bearer " + client.access_token, "Content-Type": "application/jose"},
    timeout=10,
)
if answer.status_code != 204:
    raise SystemExit(f"the acceptance was refused: {answer.status_code} {answer.text}")
if client.available_submissions():
    raise SystemExit("what was accepted still waits")
tell(
    {
        "data": received["data_json"],
        "schema": received["metadata"]["$schema"],
        "attachments": {id: hashlib.sha512(content).hexdigest() for id, content in received["attachments"].items()},
        "events": [event_of(claims)[0] for claims in client.events(waiting["caseId"])],
    }
)
