"""Sends one application with one attachment, waits for the acceptance, and has jwcrypto verify every event of the case.

The client repeats one id for two attachments (a fault of its own), so there is never more than one.
"""

import time

from sealed import Client, event_of, tell, told

wanted = told()
client = Client(wanted)
sent = client.submission(
    wanted["destination"],
    wanted["service"],
    data=wanted["data"],
    data_schema={"schemaUri": wanted["schema"], "mimeType": "application/json"},
    attachments=[bytes.fromhex(wanted["attachment"])],
)
if "submissionId" not in sent:
    raise SystemExit(f"not submitted: {sent}")

until = time.monotonic() + wanted["patience"]
while True:
    events = client.events(sent["caseId"])
    names = [event_of(claims)[0] for claims in events]
    if "accept-submission" in names or "reject-submission" in names or time.monotonic() > until:
        break
    time.sleep(0.2)

if names[-1] != "accept-submission":
    raise SystemExit(f"not accepted: {events}")
last = events[-1]
subject = (last["iss"], last["sub"], last["txn"])
if subject != (wanted["destination"], "submission:" + sent["submissionId"], "case:" + sent["caseId"]):
    raise SystemExit(f"the acceptance is about something else: {last}")

# Sealed in this order: attachment, metadata, data.
attachment, metadata, data = client.tags
tags = event_of(last)[1]["authenticationTags"]
if tags["metadata"] != metadata or tags["data"] != data or list(tags["attachments"].values()) != [attachment]:
    raise SystemExit(f"the acceptance names other tags than were sent: {tags}, {client.tags}")
tell({"submission": sent["submissionId"], "events": names})
