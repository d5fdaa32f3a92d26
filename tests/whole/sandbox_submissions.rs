//! The sandbox as a delivery service: tokens, destinations, submissions and what differs between the versions.

use http::{Method, StatusCode, header};
use ozg_cloud::{
    sandbox::{Client, Scope},
    sender::{
        client::ApiVersion,
        parcel::{Attachment, Content, Parcel},
    },
};
use ozg_protocols::{
    application::Purpose,
    ids::{AttachmentId, DestinationId},
};
use serde_json::{Value, json};

use crate::sandbox_town::{SERVICE, Town, client, keys, sample};

const V1: &str = "/submission-api/v1";
const V2: &str = "/submission-api/v2";

fn announcement(town: &Town, service: &str) -> Value {
    json!({ "destinationId": town.destination, "announcedAttachments": [], service: { "name": "", "identifier": SERVICE } })
}

#[tokio::test]
async fn the_secret_belongs_into_the_form_and_a_second_token_does_not_end_the_first() {
    let town = Town::open().await;
    let (first, second) = (town.token("amt").await, town.token("amt").await);
    assert_ne!(first, second);
    for token in [&first, &second] {
        assert_eq!(town.get(&format!("{V1}/submissions"), Some(token)).await.status, StatusCode::OK);
    }
    let form =
        |text: &'static str| town.call(Method::POST, "/auth/token", None, ("application/x-www-form-urlencoded", text));
    let wrong = form("grant_type=client_credentials&client_id=amt&client_secret=falsch").await;
    assert_eq!((wrong.status, wrong.json()["error"].clone()), (StatusCode::UNAUTHORIZED, json!("invalid_client")));
    let without = form("grant_type=client_credentials").await;
    assert_eq!(without.json()["error"], "invalid_client");
    let other = form("grant_type=password&client_id=amt&client_secret=amt-secret").await;
    assert_eq!(
        (other.status, other.json()["error"].clone()),
        (StatusCode::BAD_REQUEST, json!("unsupported_grant_type"))
    );
}

#[tokio::test]
async fn what_needs_no_token_asks_for_none_and_the_rest_answers_401() {
    let town = Town::open().await;
    let kid = keys()[0].decryption.kid.as_str();
    for path in [
        "/submission-api/.well-known/jwks.json".to_owned(),
        format!("{V1}/info"),
        format!("{V1}/destinations/{}/keys/{kid}", town.destination),
        format!("{V2}/destinations/{}/keys/{kid}", town.destination),
        format!("{V2}/destinations/{}", town.destination),
    ] {
        assert_eq!(town.get(&path, None).await.status, StatusCode::OK, "{path}");
    }
    for path in [format!("{V1}/submissions"), format!("{V1}/destinations/{}", town.destination)] {
        assert_eq!(town.get(&path, None).await.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(town.get(&path, Some("erfunden")).await.problem(), "unauthorized", "{path}");
    }
    assert_eq!(town.get(&format!("{V2}/replies"), None).await.status, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(
        town.get(&format!("{V2}/destinations/{}/keys", town.destination), None).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_submission_passes_from_announcement_to_pickup_in_both_versions() {
    for (version, base, service, put) in [
        (ApiVersion::V1, V1, "serviceType", StatusCode::ACCEPTED),
        (ApiVersion::V2, V2, "publicService", StatusCode::OK),
    ] {
        let town = Town::open().await;
        let (sender, office) = (town.token("sender").await, town.token("amt").await);
        let announced =
            town.send(Method::POST, &format!("{base}/submissions"), &sender, &announcement(&town, service)).await;
        assert_eq!(announced.status, StatusCode::CREATED);
        let id = announced.json()["submissionId"].as_str().expect("an id").to_owned();
        assert!(announced.json()["caseId"].is_string());
        let place = format!("{base}/submissions/{id}");
        assert_eq!(
            town.get(&place, Some(&office)).await.problem(),
            "submission-not-found",
            "nothing before the submit"
        );
        let key = town.sender.key_of(town.destination, version).await.expect("a key");
        let jwe = ozg_protocols::fit_connect::jose::jwe::seal(
            b"{}",
            Some(&ozg_protocols::fit_connect::jose::jwe::ContentType::json()),
            &key,
            &ozg_protocols::fit_connect::jose::rsa::ContentKey::from_random([3; 32]),
            [4; 12],
        )
        .expect("sealed");
        let parts = json!({ "encryptedMetadata": jwe, "encryptedData": jwe });
        let submitted = town.send(Method::PUT, &place, &sender, &parts).await;
        assert_eq!(submitted.status, put);
        assert_eq!(submitted.json()["attachments"], json!([]), "an array, even if empty");
        assert_eq!(submitted.json()[service]["identifier"], SERVICE);
        let again = town.send(Method::PUT, &place, &sender, &parts).await;
        assert_eq!(
            (again.status, again.problem()),
            (StatusCode::UNPROCESSABLE_ENTITY, "submission-state-invalid".to_owned())
        );
        let list = town.get(&format!("{base}/submissions"), Some(&office)).await.json();
        assert_eq!((list["count"].clone(), list["totalCount"].clone()), (json!(1), json!(1)));
        assert_eq!(list["submissions"][0]["submissionId"], id.as_str());
        let fetched = town.get(&place, Some(&office)).await.json();
        assert_eq!((&fetched["encryptedMetadata"], &fetched["encryptedData"]), (&json!(jwe), &json!(jwe)));
        assert_eq!(town.get(&place, Some(&sender)).await.status, StatusCode::FORBIDDEN, "a sender does not pick up");
        let stranger = town.token("fremder").await;
        assert_eq!(town.get(&place, Some(&stranger)).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn an_announcement_is_json_and_says_so() {
    let town = Town::open().await;
    let sender = town.token("sender").await;
    for (base, service) in [(V1, "serviceType"), (V2, "publicService")] {
        let announced = announcement(&town, service).to_string();
        let announce = async |media_type: &str| {
            let content = (media_type, announced.clone());
            town.call(Method::POST, &format!("{base}/submissions"), Some(&sender), content).await
        };
        for other in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let reply = announce(other).await;
            assert_eq!((reply.status, reply.problem()), (StatusCode::BAD_REQUEST, "bad-request".to_owned()), "{other}");
        }
        assert_eq!(announce("application/json; charset=utf-8").await.status, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn version_2_wants_data_and_a_content_type() {
    let town = Town::open().await;
    let sender = town.token("sender").await;
    let key = town.sender.key_of(town.destination, ApiVersion::V2).await.expect("a key");
    let seal = |content_type: Option<&str>| {
        let content_type = content_type.map(|text| text.parse().expect("a type"));
        let content_key = ozg_protocols::fit_connect::jose::rsa::ContentKey::from_random([3; 32]);
        ozg_protocols::fit_connect::jose::jwe::seal(b"{}", content_type.as_ref(), &key, &content_key, [4; 12])
            .expect("sealed")
    };
    let (good, bare, pdf) = (seal(Some("application/json")), seal(None), seal(Some("application/pdf")));
    for (base, body, status) in [
        (V2, json!({ "encryptedMetadata": good }), StatusCode::BAD_REQUEST),
        (V2, json!({ "encryptedMetadata": bare, "encryptedData": good }), StatusCode::UNPROCESSABLE_ENTITY),
        (V2, json!({ "encryptedMetadata": good, "encryptedData": pdf }), StatusCode::UNPROCESSABLE_ENTITY),
        (V2, json!({ "encryptedMetadata": "a b", "encryptedData": good }), StatusCode::BAD_REQUEST),
        (V1, json!({ "encryptedMetadata": bare, "encryptedData": null }), StatusCode::ACCEPTED),
        (V1, json!({ "encryptedMetadata": bare }), StatusCode::ACCEPTED),
        (V1, json!({}), StatusCode::BAD_REQUEST),
    ] {
        let announced =
            town.send(Method::POST, &format!("{base}/submissions"), &sender, &announcement(&town, "serviceType")).await;
        let id = announced.json()["submissionId"].as_str().expect("an id").to_owned();
        let reply = town.send(Method::PUT, &format!("{base}/submissions/{id}"), &sender, &body).await;
        assert_eq!(reply.status, status, "{base} {:.80}", body.to_string());
    }
}

#[tokio::test]
async fn attachments_are_announced_once_uploaded_and_complete() {
    let town = Town::open().await;
    let sender = town.token("sender").await;
    let twice = AttachmentId::from_random([5; 16]);
    let mut body = announcement(&town, "publicService");
    body["announcedAttachments"] = json!([twice, twice]);
    let refused = town.send(Method::POST, &format!("{V2}/submissions"), &sender, &body).await;
    assert_eq!(
        (refused.status, refused.problem()),
        (StatusCode::UNPROCESSABLE_ENTITY, "duplicate-attachment".to_owned())
    );
    body["announcedAttachments"] = json!([twice]);
    let announced = town.send(Method::POST, &format!("{V2}/submissions"), &sender, &body).await.json();
    let id = announced["submissionId"].as_str().expect("an id");
    let jwe = format!("{V2}/submissions/{id}/attachments");
    let put = |name: AttachmentId, media_type: &'static str, text: &'static str| {
        let path = format!("{jwe}/{name}");
        let (town, sender) = (&town, &sender);
        async move { town.call(Method::PUT, &path, Some(sender), (media_type, text)).await }
    };
    assert_eq!(put(twice, "application/json", "a.b.c.d.e").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(put(twice, "application/jose", "kein JWE").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(put(twice, "application/jose", "a.b.c.d.e").await.problem(), "invalid-jwe");
    assert_eq!(
        put(AttachmentId::from_random([6; 16]), "application/jose", "a").await.problem(),
        "attachment-not-announced"
    );
    let parts = json!({ "encryptedMetadata": "a.b.c.d.e", "encryptedData": "a.b.c.d.e" });
    let incomplete = town.send(Method::PUT, &format!("{V2}/submissions/{id}"), &sender, &parts).await;
    assert_eq!(incomplete.problem(), "attachments-missing");
}

#[tokio::test]
async fn an_attachment_comes_back_as_it_was_uploaded_even_a_large_one() {
    let town = Town::open().await;
    let length = 5 * 1024 * 1024 + 1;
    let large = Attachment {
        id: AttachmentId::from_random([7; 16]),
        purpose: Purpose::Attachment,
        mime_type: "application/octet-stream".to_owned(),
        filename: "gross.bin".to_owned(),
        content: Content::Generated { length },
    };
    let parcel = Parcel { attachments: vec![large.clone()], ..sample(ApiVersion::V2) };
    let receipt = town.submit_parcel(ApiVersion::V2, &parcel).await;
    let token = town.token("amt").await;
    let path = format!("{V2}/submissions/{}/attachments/{}", receipt.submission_id, large.id);
    let reply = town.get(&path, Some(&token)).await;
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/jose");
    let text = String::from_utf8(reply.bytes.to_vec()).expect("text");
    let jwe = ozg_protocols::fit_connect::jose::jwe::Compact::parse(&text).expect("a JWE");
    let key = ozg_protocols::fit_connect::jose::rsa::DecryptionKey::new(&keys()[0].decryption).expect("usable");
    let content_key =
        ozg_protocols::fit_connect::jose::rsa::UnwrapKey::unwrap_key(&key, &jwe.wrapped_key).expect("ours");
    let plain = jwe.open(&content_key, ozg_protocols::fit_connect::jose::jwe::Inflate::Never).expect("opened");
    assert!(plain == large.content.bytes(), "the same bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_an_attachment_is_413_every_time() {
    let town = Town::open_with(|settings| settings.largest_attachment = 1_000).await;
    let (sender, attachment) = (town.token("sender").await, AttachmentId::from_random([5; 16]));
    let mut body = announcement(&town, "publicService");
    body["announcedAttachments"] = json!([attachment]);
    let announced = town.send(Method::POST, &format!("{V2}/submissions"), &sender, &body).await.json();
    let path =
        format!("{V2}/submissions/{}/attachments/{attachment}", announced["submissionId"].as_str().expect("an id"));
    for _ in 0..50 {
        let reply = town.call(Method::PUT, &path, Some(&sender), ("application/jose", "a".repeat(20_000_000))).await;
        assert_eq!((reply.status, reply.problem().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "request-too-large"));
    }
}

#[tokio::test]
async fn lists_come_in_pages_of_1_to_500() {
    let town = Town::open().await;
    let parcel = Parcel::of_data(SERVICE, "urn:x:y", b"{}".to_vec());
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(town.submit_parcel(ApiVersion::V2, &parcel).await.submission_id.to_string());
    }
    let token = town.token("amt").await;
    let list = |query: &'static str| {
        let (town, token) = (&town, &token);
        async move { town.get(&format!("{V2}/submissions?{query}"), Some(token)).await }
    };
    let second = list("limit=1&offset=1").await.json();
    assert_eq!((&second["count"], &second["offset"], &second["totalCount"]), (&json!(1), &json!(1), &json!(3)));
    assert_eq!(second["submissions"][0]["submissionId"], sent[1].as_str(), "in the order of their submit");
    assert_eq!(list("offset=7").await.json()["submissions"], json!([]));
    for wrong in ["limit=0", "limit=501", "limit=x", "offset=-1", "destinationId=x"] {
        assert_eq!(list(wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let other = DestinationId::from_random([2; 16]);
    let foreign = town.get(&format!("{V2}/submissions?destinationId={other}"), Some(&token)).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_destination_is_made_changed_and_removed_by_its_manager() {
    let town = Town::open().await;
    let (manager, keys) = (town.token("verwalter").await, &keys()[1]);
    let body = json!({
        "contactInformation": { "legalName": "Stadt", "address": "Weg 1", "phone": "1", "email": "a@b.example" },
        "services": [{ "identifier": SERVICE, "regions": ["DE09"],
            "submissionSchemas": [{ "schemaUri": "urn:x:y", "mimeType": "application/json" }] }],
        "encryptionKid": keys.decryption.kid,
        "encryptionPublicKey": keys.decryption.public(),
        "signingPublicKey": keys.signing.public(),
        "metadataVersions": ["2.1.0"],
    });
    let base = format!("{V1}/destinations");
    let sender = town.token("sender").await;
    assert_eq!(town.send(Method::POST, &base, &sender, &body).await.status, StatusCode::FORBIDDEN);
    for member in ["contactInformation", "services", "encryptionKid", "encryptionPublicKey", "metadataVersions"] {
        let mut without = body.clone();
        without.as_object_mut().expect("an object").remove(member);
        assert_eq!(
            town.send(Method::POST, &base, &manager, &without).await.status,
            StatusCode::BAD_REQUEST,
            "{member}"
        );
    }
    let mut small = body.clone();
    small["encryptionPublicKey"]["n"] = json!("AQAB".repeat(85));
    assert_eq!(town.send(Method::POST, &base, &manager, &small).await.status, StatusCode::BAD_REQUEST);
    let made = town.send(Method::POST, &base, &manager, &body).await;
    assert_eq!((made.status, made.json()["status"].clone()), (StatusCode::CREATED, json!("created")));
    assert_eq!(made.headers[header::CACHE_CONTROL], "no-cache");
    let id = made.json()["destinationId"].as_str().expect("an id").to_owned();
    assert_eq!(made.headers[header::LOCATION], format!("/destinations/{id}"));
    let announce = json!({ "destinationId": id, "announcedAttachments": [], "serviceType": { "name": "", "identifier": SERVICE } });
    let early = town.send(Method::POST, &format!("{V1}/submissions"), &sender, &announce).await;
    assert_eq!(
        (early.status, early.problem()),
        (StatusCode::UNPROCESSABLE_ENTITY, "destination-state-invalid".to_owned())
    );
    let place = format!("/destination-api/v1/destinations/{id}");
    let active = town
        .call(Method::PATCH, &place, Some(&manager), ("application/merge-patch+json", r#"{"status":"active"}"#))
        .await;
    assert_eq!(active.json()["status"], "active");
    let listed = town.get(&format!("/destination-api/v2/destinations/{id}/keys"), Some(&sender)).await.json();
    assert_eq!(listed["keys"][0]["kid"], keys.decryption.kid.as_str(), "the encryption key comes first");
    let public = town.get(&format!("{V2}/destinations/{id}"), None).await.json();
    assert!(public["contactInformation"].is_null() && public["publicServices"].is_array(), "{public}");
    let added = town
        .send(
            Method::POST,
            &format!("{base}/{id}/keys"),
            &manager,
            &crate::sandbox_town::keys()[0].decryption.public().to_value(),
        )
        .await;
    assert_eq!(added.status, StatusCode::CREATED);
    let other = crate::sandbox_town::keys()[0].decryption.kid.as_str();
    assert_eq!(added.headers[header::LOCATION], format!("/destinations/{id}/keys/{other}"));
    let unknown = town.send(Method::PATCH, &place, &manager, &json!({ "encryptionKid": "gibt-es-nicht" })).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    let rolled = town.send(Method::PATCH, &place, &manager, &json!({ "encryptionKid": other })).await;
    assert_eq!(rolled.json()["encryptionKid"], other);
    let deleted = town.call(Method::DELETE, &format!("{base}/{id}"), Some(&manager), ("", "")).await;
    assert_eq!((deleted.status, deleted.bytes.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(town.get(&place, Some(&manager)).await.problem(), "destination-not-found");
}

#[tokio::test]
async fn routes_name_the_active_destination_with_a_signature() {
    let town = Town::open().await;
    let routes = |query: &'static str| {
        let town = &town;
        async move { town.get(&format!("/routing-api/v2/routes?{query}"), None).await }
    };
    let found = routes("leikaKey=99050012104000&ars=091620000000").await;
    assert!(found.headers.contains_key("ratelimit-remaining"));
    let route = &found.json()["routes"][0];
    assert_eq!(route["destinationId"], town.destination.to_string());
    assert_eq!(route["destinationSignature"].as_str().expect("a JWS").split('.').count(), 3);
    assert_eq!(routes("leikaKey=99050012104000&ags=09163000").await.json()["routes"], json!([]));
    for wrong in ["ars=09", "leikaKey=99050012104000", "leikaKey=99050012104000&ars=09&ags=09", "leikaKey=1&ars=09"] {
        assert_eq!(routes(wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn a_seed_can_be_added_while_it_runs() {
    let town = Town::open().await;
    let more: Vec<Client> = vec![client("spaet", &[Scope::SendSubmissions], &[])];
    let seed = json!({ "clients": more });
    let reply = town.call(Method::POST, "/sandbox/seed", None, ("application/json", seed.to_string())).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert!(!town.token("spaet").await.is_empty());
}
