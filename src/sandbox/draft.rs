//! What a caller wants a destination to be (`CreateDestination`, `UpdateDestination`, `PatchDestination` of the OpenAPI),
//! and the rules for it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{
    destination::{Callback, Status},
    problem::Problem,
};

/// A service that a destination offers, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    pub(super) identifier: String,
    pub(super) regions: Vec<String>,
    pub(super) submission_schemas: Vec<SubmissionSchema>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubmissionSchema {
    schema_uri: String,
    mime_type: String,
}

/// What a destination is made of. A member may be absent, which is judged where it is used, but not `null`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Draft {
    #[serde(deserialize_with = "present")]
    pub(super) status: Option<Status>,
    #[serde(deserialize_with = "present")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "present")]
    pub(super) contact_information: Option<Map<String, Value>>,
    #[serde(alias = "publicServices", deserialize_with = "present")]
    pub(super) services: Option<Vec<Service>>,
    #[serde(deserialize_with = "present")]
    pub(super) callback: Option<Callback>,
    #[serde(deserialize_with = "present")]
    pub(super) encryption_kid: Option<String>,
    #[serde(deserialize_with = "present")]
    pub(super) encryption_public_key: Option<Value>,
    #[serde(deserialize_with = "present")]
    pub(super) signing_public_key: Option<Value>,
    #[serde(deserialize_with = "present")]
    pub(super) reply_channels: Option<Map<String, Value>>,
    #[serde(deserialize_with = "present")]
    pub(super) metadata_versions: Option<Vec<String>>,
}

/// A member that may be absent and, if it is there, has a value.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

pub(super) fn absent(member: &str) -> Problem {
    Problem::bad_request(format!("{member} is required"))
}

/// Whether anything stands in a list twice (`uniqueItems`).
fn repeats<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().any(|(at, item)| list.iter().take(at).any(|earlier| earlier == item))
}

/// Which members a contact must have depends on the base path; that they are texts does not.
pub(super) fn check_contact(contact: &Map<String, Value>) -> Result<(), Problem> {
    let members = ["legalName", "address", "phone", "email", "unit"];
    let odd = members.iter().find(|name| contact.get(**name).is_some_and(|value| !value.is_string()));
    if let Some(name) = odd {
        return Err(Problem::bad_request(format!("contactInformation.{name} is not a text")));
    }
    match contact.get("email").and_then(Value::as_str) {
        Some(email) if !is_email(email) => Err(Problem::bad_request("contactInformation.email is not an address")),
        _ => Ok(()),
    }
}

/// An address as forms take it; quoted names and addresses of machines are none.
fn is_email(text: &str) -> bool {
    let word = |word: &str, also: &[u8]| {
        !word.is_empty() && word.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || also.contains(&c))
    };
    text.split_once('@').is_some_and(|(name, domain)| {
        name.len() <= 64
            && name.split('.').all(|part| word(part, b"!#$%&'*+/=?^_`{|}~"))
            && domain.len() <= 253
            && domain.split('.').all(|label| word(label, b"") && !label.starts_with('-') && !label.ends_with('-'))
    })
}

/// At least one channel, each an object, and PGP is wanted or not.
pub(super) fn check_reply_channels(channels: &Map<String, Value>) -> Result<(), Problem> {
    if channels.is_empty() {
        return Err(Problem::bad_request("replyChannels needs at least one channel"));
    }
    let known = ["deMail", "elster", "eMail", "fink"].iter().filter_map(|name| channels.get(*name));
    let pgp = channels.get("eMail").and_then(|mail| mail.get("usePgp"));
    if known.into_iter().all(Value::is_object) && pgp.is_none_or(Value::is_boolean) {
        Ok(())
    } else {
        Err(Problem::bad_request("replyChannels holds something that is no channel"))
    }
}

pub(super) fn check_services(services: &[Service]) -> Result<(), Problem> {
    if services.is_empty() || repeats(services) {
        return Err(Problem::bad_request("services needs at least one service, each once"));
    }
    for service in services {
        if !is_identifier(&service.identifier) {
            return Err(Problem::bad_request("services.identifier is not a URN of a service"));
        }
        let region = |text: &String| {
            text.strip_prefix("DE").is_some_and(|key| key.len() <= 12 && key.bytes().all(|c| c.is_ascii_digit()))
        };
        if service.regions.is_empty() || !service.regions.iter().all(region) || repeats(&service.regions) {
            return Err(Problem::bad_request("services.regions must match ^DE[0-9]{0,12}$ and differ"));
        }
        let schema = |schema: &SubmissionSchema| {
            !schema.schema_uri.is_empty() && matches!(&*schema.mime_type, "application/json" | "application/xml")
        };
        let schemas = &service.submission_schemas;
        if schemas.is_empty() || !schemas.iter().all(schema) || repeats(schemas) {
            return Err(Problem::bad_request("services.submissionSchemas needs schemaUri and mimeType, each once"));
        }
    }
    Ok(())
}

pub(super) fn check_versions(versions: &[String]) -> Result<(), Problem> {
    let number = |text: &str| {
        !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
    };
    let version = |text: &String| text.split('.').count() == 3 && text.split('.').all(number);
    if versions.is_empty() || !versions.iter().all(version) || repeats(versions) {
        return Err(Problem::bad_request("metadataVersions needs versions like 2.1.0, each once"));
    }
    Ok(())
}

/// `^urn:[a-z0-9][a-z0-9-]{0,31}:[a-z0-9()+,.:=@;$_!*'%/?#-]+$`, 7 to 255 characters.
pub(super) fn is_identifier(text: &str) -> bool {
    let Some((space, name)) = text.strip_prefix("urn:").and_then(|rest| rest.split_once(':')) else { return false };
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    (7..=255).contains(&text.len())
        && (1..=32).contains(&space.len())
        && !space.starts_with('-')
        && space.bytes().all(|c| plain(c) || c == b'-')
        && !name.is_empty()
        && name.bytes().all(|c| plain(c) || b"()+,.:=@;$_!*'%/?#-".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_by_a_urn() {
        assert!(is_identifier("urn:de:fim:leika:leistung:99050012104000"));
        assert!(is_identifier("urn:schema-fitko-de:fit-connect:id.bund.de:message_v6"));
        for wrong in ["", "urn::x", "urn:de:", "urn:DE:x", "99050012104000", "urn:-a:bcd", "urn:de:Groß"] {
            assert!(!is_identifier(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_member_is_absent_or_has_a_value() {
        let read = |json: &str| serde_json::from_str::<Draft>(json);
        assert_eq!(read("{}").expect("a draft").encryption_kid, None);
        assert!(read(r#"{"encryptionKid": null}"#).is_err());
    }

    #[test]
    fn nothing_stands_in_a_list_twice() {
        let versions = |list: &[&str]| check_versions(&list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert!(versions(&["1.0.0", "2.1.0"]).is_ok());
        assert!(versions(&["1.0.0", "1.0.0"]).is_err());
    }

    #[test]
    fn a_contact_is_made_of_texts() {
        let contact = |value: Value| check_contact(value.as_object().expect("an object"));
        assert!(contact(serde_json::json!({ "legalName": "Amt", "email": "amt@stadt.example" })).is_ok());
        assert!(contact(serde_json::json!({ "unit": 7 })).is_err());
        for wrong in ["", "amt", "@stadt.example", "amt@", "a b@stadt.example", "amt@-stadt.example", "a@b@c"] {
            assert!(contact(serde_json::json!({ "email": wrong })).is_err(), "{wrong}");
        }
    }
}
