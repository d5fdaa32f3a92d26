//! A destination at the sandbox of a world that no server of ours looks after, and the client that it belongs to.

use std::path::Path;

use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use ozg_cloud::{
    sandbox::{Client, DestinationKeys, OfferedService, Scope, Seed, SeedDestination, Urls, make_destination_keys},
    sender::{
        client::{Account, ApiVersion, Receipt, Sender},
        parcel::Parcel,
        transport,
    },
};
use ozg_protocols::ids::DestinationId;
use serde_json::{Value, json};

use crate::{
    sandbox_town::{now, sample},
    world::World,
};

const NAME: &str = "gast";

/// A stranger's destination.
pub(super) struct Guest {
    pub(super) destination: DestinationId,
    pub(super) keys: DestinationKeys,
    pub(super) urls: Urls,
    /// What was sent there, or would be.
    pub(super) parcel: Parcel,
}

impl Guest {
    /// Makes the destination; its client may send, pick up and manage.
    pub(super) async fn move_in(world: &World) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-keys");
        let keys = make_destination_keys(&directory, &[NAME], now()).expect("keys").remove(0);
        let (destination, parcel) = (DestinationId::from_random([3; 16]), sample(ApiVersion::V1));
        let offered = OfferedService {
            identifier: parcel.service.clone(),
            region: "DE09162".to_owned(),
            schema_uri: parcel.schema_uri.clone(),
            mime_type: "application/json".to_owned(),
        };
        let (decryption, signing) = (keys.decryption.public(), keys.signing.public());
        let seed = Seed {
            clients: vec![Client {
                client_id: NAME.to_owned(),
                client_secret: NAME.to_owned(),
                scopes: [Scope::SendSubmissions, Scope::SubscribeDestinations, Scope::ManageDestinations].into(),
                destinations: [destination].into(),
            }],
            destinations: vec![SeedDestination::new(destination, "Fremdes Amt", &decryption, &signing, &[offered])],
            areas: Vec::new(),
        };
        let urls = Urls::at(&format!("http://127.0.0.1:{}", world.sandbox_port));
        let seed = serde_json::to_string(&seed).expect("JSON");
        let (status, said) = world.call(Method::POST, &format!("{}/sandbox/seed", urls.base), seed).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{said}");
        Self { destination, keys, urls, parcel }
    }

    /// Its account at the sandbox.
    pub(super) fn account(&self) -> Account {
        Account {
            token_url: self.urls.token.clone(),
            submission_url: self.urls.submission.clone(),
            client_id: NAME.to_owned(),
            client_secret: NAME.to_owned(),
        }
    }

    /// Where a program finds the sandbox and itself, for it to read as JSON.
    pub(super) fn told(&self) -> Value {
        json!({
            "token_url": self.urls.token,
            "submission_url": self.urls.submission,
            "client_id": NAME,
            "client_secret": NAME,
            "destination": self.destination,
        })
    }

    /// Sends its parcel there, as our sender does.
    pub(super) async fn receive(&self, world: &World) -> (Sender, Receipt) {
        self.receive_parcel(world, ApiVersion::V1, &self.parcel).await
    }

    /// Sends a parcel there.
    pub(super) async fn receive_parcel(
        &self,
        world: &World,
        version: ApiVersion,
        parcel: &Parcel,
    ) -> (Sender, Receipt) {
        let sender = Sender::new(world.transport.clone(), self.account());
        let key = sender.key_of(self.destination, version).await.expect("a key");
        let receipt = sender.send(self.destination, &key, version, parcel, None).await.expect("sent");
        (sender, receipt)
    }
}

/// A token with all the rights of this account.
pub(super) async fn token(world: &World, account: &Account) -> String {
    let Account { client_id, client_secret, .. } = account;
    let form = format!("grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}");
    let request = Request::post(&account.token_url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(transport::full(form))
        .expect("a request");
    let body: Value = serde_json::from_str(&answer(world, request).await).expect("JSON");
    body["access_token"].as_str().expect("a token").to_owned()
}

/// What the sandbox answers to this account at a path of the Submission API.
pub(super) async fn fetch(world: &World, account: &Account, path: &str) -> String {
    let request = Request::get(format!("{}{path}", account.submission_url))
        .header(header::AUTHORIZATION, format!("Bearer {}", token(world, account).await))
        .body(transport::empty())
        .expect("a request");
    answer(world, request).await
}

async fn answer(world: &World, request: Request<transport::Body>) -> String {
    let place = request.uri().to_string();
    let answer = world.transport.send(request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "{place}");
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}
