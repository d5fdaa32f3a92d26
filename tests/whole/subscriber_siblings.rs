//! Several submissions of one case at the delivery service: a later one continues the case of an earlier one, if signed
//! events say that there was one.

use http::{Method, StatusCode};
use ozg_cloud::sender::client::{ApiVersion, Receipt, Verdict};
use ozg_protocols::{
    case::Event,
    fit_connect::jose::{
        jwe::{self, ContentType},
        rsa::ContentKey,
    },
    ids::CaseId,
};
use serde_json::json;

use crate::{
    sandbox_town::{eventually, sample},
    subscriber_hall::{Hall, erika, query},
};

/// Sends a sample without attachments as one more submission of this case.
async fn submit_more(hall: &Hall, first: Receipt) -> Receipt {
    let (town, version) = (&hall.town, ApiVersion::V2);
    let mut parcel = sample(version);
    parcel.attachments.clear();
    let sender = town.token("sender").await;
    let announcement = json!({
        "destinationId": town.destination,
        "announcedAttachments": [],
        "publicService": { "identifier": parcel.service, "name": parcel.service_name },
        "caseId": first.case_id,
    });
    let announced = town.send(Method::POST, "/submission-api/v2/submissions", &sender, &announcement).await;
    assert_eq!(announced.status, StatusCode::CREATED, "{:?}", announced.bytes);
    let receipt = Receipt {
        submission_id: announced.json()["submissionId"].as_str().expect("an id").parse().expect("an id"),
        ..first
    };
    let key = town.sender.key_of(town.destination, version).await.expect("a key");
    let seal = |plain: &[u8], number: u8| {
        let content_key = ContentKey::from_random([number; 32]);
        jwe::seal(plain, Some(&ContentType::json()), &key, &content_key, [number; 12]).expect("sealed")
    };
    let metadata = seal(parcel.described().to_json().as_bytes(), 1);
    let parts = json!({ "encryptedMetadata": metadata, "encryptedData": seal(&parcel.data, 2) });
    let place = format!("/submission-api/v2/submissions/{}", receipt.submission_id);
    assert_eq!(town.send(Method::PUT, &place, &sender, &parts).await.status, StatusCode::OK);
    receipt
}

/// Every case and the one it continues, once there are so many.
async fn cases(hall: &Hall, many: usize) -> Vec<(CaseId, Option<CaseId>)> {
    let tenant = hall.tenant();
    eventually("all cases", async || tenant.work_list().page(&erika(), &query()).rows.len() == many).await;
    let mut cases = Vec::new();
    for row in tenant.work_list().page(&erika(), &query()).rows {
        let history = tenant.show_case(&erika(), row.case).await.expect("visible").history;
        let continues = history.iter().find_map(|recorded| match &recorded.event {
            Event::Received { continues, .. } => Some(*continues),
            _ => None,
        });
        cases.push((row.case, continues.expect("received")));
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_submission_continues_an_earlier_one_only_by_events_whose_signature_is_good() {
    let hall = Hall::open(ApiVersion::V2).await;
    let receipt = hall.town.submit(ApiVersion::V2).await;
    assert_eq!(hall.verdict(receipt).await, Verdict::Accepted);
    let first = cases(&hall, 1).await[0].0;
    let more = submit_more(&hall, receipt).await;
    assert_eq!(hall.verdict(more).await, Verdict::Accepted);
    let continuing =
        |cases: &[(CaseId, Option<CaseId>)]| cases.iter().filter_map(|(_, case)| *case).collect::<Vec<_>>();
    assert_eq!(continuing(&cases(&hall, 2).await), [first]);
    // The key is replaced under its name: nobody can tell any more whether the service signed what stands in the log.
    let same = ("application/json", json!({ "sameKid": true }).to_string());
    assert_eq!(hall.town.call(Method::POST, "/sandbox/service-key", None, same).await.status, StatusCode::OK);
    let more = submit_more(&hall, receipt).await;
    assert_eq!(hall.verdict(more).await, Verdict::Accepted);
    assert_eq!(continuing(&cases(&hall, 3).await), [first], "the third continues nothing");
}
