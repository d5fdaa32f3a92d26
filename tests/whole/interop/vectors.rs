//! The recorded messages in `protocols/fixtures/fit_connect/jose` (made with Nimbus, good and hostile), and our verdicts.

use std::{collections::BTreeMap, fs, path::PathBuf};

use ozg_protocols::fit_connect::{
    hash::ContentHash,
    jose::{
        jwe::{Compact, Inflate},
        jwk::{Chain, PrivateJwk, PublicJwk},
        rsa::{DecryptionKey, UnwrapKey as _, VerificationKey, find_unwrapping},
    },
    set::Set,
};
use serde_json::Value;

/// Nothing good among the messages is larger.
const LARGEST: u64 = 1_000_000;

/// Where they lie.
pub(super) fn directory() -> PathBuf {
    crate::sources::root().join("protocols/fixtures/fit_connect/jose")
}

/// What the index says and what we say of a message: the hash of its content, or why it is refused.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) expected_good: bool,
    pub(super) ours: Result<String, String>,
}

/// Our verdict on each message of the index, by its name.
pub(super) fn judged() -> BTreeMap<String, Judged> {
    let index: Value = serde_json::from_str(&text("index.json")).expect("JSON");
    let vectors = index["vectors"].as_array().expect("vectors");
    vectors
        .iter()
        .map(|vector| {
            let member = |name: &str| vector[name].as_str().expect("a text").to_owned();
            let (file, key) = (member("file"), member("key"));
            let message = text(&file);
            let ours = if file.ends_with(".jwe") {
                open(&message, text(&format!("{key}.private.jwk.json")).as_bytes())
            } else {
                verify(&message, text(&format!("{key}.public.jwk.json")).as_bytes())
            };
            (member("name"), Judged { expected_good: vector["expect"] == "ok", ours })
        })
        .collect()
}

fn text(name: &str) -> String {
    fs::read_to_string(directory().join(name)).unwrap_or_else(|error| panic!("{name}: {error}")).trim().to_owned()
}

/// Opens a message with a private key; tells the hash of its content.
pub(super) fn open(message: &str, key: &[u8]) -> Result<String, String> {
    let key = PrivateJwk::parse(key).and_then(|key| DecryptionKey::new(&key)).map_err(|error| error.to_string())?;
    let message = Compact::parse(message).map_err(|error| error.to_string())?;
    let found = find_unwrapping([&key], &message.header.kid).ok_or("no key of this kid")?;
    let content_key = found.unwrap_key(&message.wrapped_key).map_err(|error| error.to_string())?;
    let content = message.open(&content_key, Inflate::UpTo(LARGEST)).map_err(|error| error.to_string())?;
    Ok(ContentHash::of(&content).to_string())
}

/// Verifies an event with a published key; tells the hash of its payload.
fn verify(token: &str, key: &[u8]) -> Result<String, String> {
    let key = PublicJwk::parse(key, Chain::Required).and_then(|key| VerificationKey::new(&key));
    let set = Set::parse(token).map_err(|error| error.to_string())?;
    let claims = set.verify(&key.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    Ok(ContentHash::of(claims.to_json().as_bytes()).to_string())
}
