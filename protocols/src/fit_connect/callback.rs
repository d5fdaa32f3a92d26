//! Callbacks: the delivery service knocks when something is new. Only a knock: what is new is fetched.
//!
//! Authenticated by HMAC-SHA512 over `timestamp.body` with a shared secret (dossier section 11), on the raw bytes.

use std::{fmt, time::Duration};

use aws_lc_rs::hmac;
use serde::{Deserialize, Deserializer, Serialize};

use super::api::submission::SubmissionIds;
use crate::{hex, ids::SubmissionId, moment::Moment};

/// The header with the authentication code in hexadecimal.
pub const AUTHENTICATION_HEADER: &str = "callback-authentication";
/// The header with the seconds since the epoch.
pub const TIMESTAMP_HEADER: &str = "callback-timestamp";
/// Oldest callback that is taken; exactly this old is taken.
pub const OLDEST: Duration = Duration::from_secs(5 * 60);
/// New submissions wait at a destination.
pub const NEW_SUBMISSIONS: &str = "https://schema.fitko.de/fit-connect/submission-api/callbacks/new-submissions";
/// Something happened to a submission that the sender made.
pub const NEW_EVENTS: &str = "https://schema.fitko.de/fit-connect/submission-api/callbacks/new-events";

/// The shared secret; never printed.
pub struct CallbackSecret(hmac::Key);

/// A secret of another length than 32 to 512 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a callback secret has 32 to 512 characters")]
pub struct InvalidSecret;

/// Why a callback is refused. The caller answers all of them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefused {
    /// The timestamp is no number of seconds.
    #[error("the timestamp is not a number of seconds")]
    Timestamp,
    /// The code is not made with our secret over these bytes.
    #[error("the authentication code does not match")]
    Authentication,
    /// Authentic, but too old: perhaps a replay.
    #[error("the callback is older than 5 minutes")]
    TooOld,
    /// Authentic, but not a callback.
    #[error("the body is not a callback")]
    Body,
}

impl CallbackSecret {
    /// The secret with this text.
    ///
    /// # Errors
    /// Refuses other lengths than 32 to 512 characters.
    pub fn new(text: &str) -> Result<Self, InvalidSecret> {
        if (32..=512).contains(&text.chars().count()) {
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA512, text.as_bytes())))
        } else {
            Err(InvalidSecret)
        }
    }

    /// Checks and reads a callback.
    ///
    /// The code is compared in constant time and before anything else is looked at; a timestamp in the future is taken,
    /// because the service's clock is not ours.
    ///
    /// # Errors
    /// See [`CallbackRefused`].
    pub fn open(
        &self,
        authentication: &str,
        timestamp: &str,
        body: &[u8],
        now: Moment,
    ) -> Result<Callback, CallbackRefused> {
        let code = code(authentication).ok_or(CallbackRefused::Authentication)?;
        let message = [timestamp.as_bytes(), b".", body].concat();
        hmac::verify(&self.0, &message, &code).map_err(|_| CallbackRefused::Authentication)?;
        let sent = timestamp.parse().map(Moment::from_seconds).map_err(|_| CallbackRefused::Timestamp)?;
        if now.since(sent) > OLDEST {
            return Err(CallbackRefused::TooOld);
        }
        serde_json::from_slice(body).map_err(|_| CallbackRefused::Body)
    }

    /// The two headers for this body: authentication code and timestamp.
    #[must_use]
    pub fn sign(&self, body: &[u8], now: Moment) -> (String, String) {
        let timestamp = now.seconds().to_string();
        let message = [timestamp.as_bytes(), b".", body].concat();
        let code = hmac::sign(&self.0, &message);
        (hex::encode(code.as_ref()), timestamp)
    }
}

impl fmt::Debug for CallbackSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CallbackSecret(..)")
    }
}

/// What a callback is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CallbackKind {
    /// [`NEW_SUBMISSIONS`].
    NewSubmissions,
    /// [`NEW_EVENTS`].
    NewEvents,
    /// Not said: newer bodies leave the type out.
    #[default]
    Unsaid,
    /// A type that we do not know.
    Other(String),
}

impl<'de> Deserialize<'de> for CallbackKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        Ok(match text {
            None => Self::Unsaid,
            Some(text) if text == NEW_SUBMISSIONS => Self::NewSubmissions,
            Some(text) if text == NEW_EVENTS => Self::NewEvents,
            Some(text) => Self::Other(text),
        })
    }
}

impl Serialize for CallbackKind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::NewSubmissions => to.serialize_str(NEW_SUBMISSIONS),
            Self::NewEvents => to.serialize_str(NEW_EVENTS),
            Self::Unsaid => to.serialize_none(),
            Self::Other(text) => to.serialize_str(text),
        }
    }
}

/// The body of a callback.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// What it is about.
    #[serde(rename = "type", default, skip_serializing_if = "is_unsaid")]
    pub kind: CallbackKind,
    /// Ids alone; deprecated, but sometimes all there is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub submission_ids: Vec<SubmissionId>,
    /// The submissions that it is about.
    #[serde(default)]
    pub submissions: Vec<SubmissionIds>,
}

fn is_unsaid(kind: &CallbackKind) -> bool {
    *kind == CallbackKind::Unsaid
}

/// The bytes of an authentication code; some write its digits in capitals.
fn code(authentication: &str) -> Option<[u8; 64]> {
    hex::decode_array(&authentication.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "ein Geheimnis, das nur der Test kennt";
    const BODY: &[u8] = br#"{"submissions":[]}"#;

    fn secret() -> CallbackSecret {
        CallbackSecret::new(SECRET).expect("long enough")
    }

    #[test]
    fn both_published_callbacks_verify() {
        let Some(json) = crate::fit_connect::shared_data("examples/callback-hmac-vectors.json") else { return };
        let index: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        let vectors = index["vectors"].as_array().expect("vectors");
        assert_eq!(vectors.len(), 2);
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().expect("text");
            let secret = CallbackSecret::new(text("secret")).expect("long enough");
            let sent = Moment::from_seconds(text(TIMESTAMP_HEADER).parse().expect("seconds"));
            let (code, timestamp) = (text(AUTHENTICATION_HEADER), text(TIMESTAMP_HEADER));
            let opened = secret.open(code, timestamp, text("body").as_bytes(), sent).expect("authentic");
            assert_eq!((opened.kind, opened.submission_ids.len()), (CallbackKind::NewSubmissions, 1));
            assert_eq!(secret.sign(text("body").as_bytes(), sent), (code.to_owned(), timestamp.to_owned()));
        }
    }

    #[test]
    fn five_minutes_are_taken_and_a_moment_more_is_not() {
        let sent = Moment::from_seconds(1_700_000_000);
        let (code, timestamp) = secret().sign(BODY, sent);
        assert!(secret().open(&code, &timestamp, BODY, sent.plus(OLDEST)).is_ok());
        let late = sent.plus(OLDEST).plus(Duration::from_millis(1));
        assert_eq!(secret().open(&code, &timestamp, BODY, late), Err(CallbackRefused::TooOld));
        let before = Moment::from_seconds(1_600_000_000);
        assert!(secret().open(&code, &timestamp, BODY, before).is_ok(), "the future is taken");
    }

    #[test]
    fn a_wrong_code_body_or_timestamp_is_refused() {
        let now = Moment::from_seconds(1_700_000_000);
        let (code, timestamp) = secret().sign(BODY, now);
        let open = |code: &str, timestamp: &str, body: &[u8]| secret().open(code, timestamp, body, now).err();
        assert_eq!(open(&code.to_uppercase(), &timestamp, BODY), None, "both cases of hexadecimal are taken");
        let wrong = Some(CallbackRefused::Authentication);
        assert_eq!(open(&code.replace(&code[..1], "x"), &timestamp, BODY), wrong);
        assert_eq!(open("", &timestamp, BODY), wrong);
        assert_eq!(open(&code, "1700000001", BODY), wrong);
        assert_eq!(open(&code, &timestamp, br#"{"submissions":[ ]}"#), wrong);
    }

    #[test]
    fn an_authentic_body_that_is_no_callback_is_refused() {
        let now = Moment::from_seconds(1_700_000_000);
        let (code, timestamp) = secret().sign(b"[]x", now);
        assert_eq!(secret().open(&code, &timestamp, b"[]x", now), Err(CallbackRefused::Body));
    }

    #[test]
    fn a_secret_has_32_to_512_characters() {
        assert_eq!(CallbackSecret::new(&"x".repeat(31)).err(), Some(InvalidSecret));
        assert_eq!(CallbackSecret::new(&"x".repeat(513)).err(), Some(InvalidSecret));
    }
}
