//! Fault switches: what the sandbox does wrong on purpose, how often, and for which requests.
//!
//! Armed by `--fault` or `POST /sandbox/faults`. Faults of a request are taken before it is routed, the others where a
//! submission is submitted or fetched. A fault that is used up is gone.

use std::{str::FromStr, time::Duration};

use http::Method;
use serde::{Deserialize, Serialize};

use super::seal::Part;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The submit event of the next submission carries another tag for one `part`: its metadata, if none is named.
    WrongTag,
    /// The submit event carries no tags, or none for `part`.
    MissingTags,
    /// After the submit one `part` (the metadata, if none is named) has another tag than it came with. Of attachments
    /// only one that is kept in memory.
    ChangedTag,
    /// After the submit the data are gone.
    MissingData,
    /// After the submit the first attachment is listed, but gone.
    MissingAttachment,
    /// After the submit the first attachment is not listed any more.
    UnlistedAttachment,
    /// After the submit two attachments of the submission change places (with one: it becomes another's).
    SwappedAttachment,
    /// The payload of the submit event is changed after it was signed.
    ForgedSet,
    /// The submit event is written twice.
    TwoSubmitEvents,
    /// The submit event names a `$schema` that nobody knows.
    UnsupportedSetSchema,
    /// The submission is listed and readable only after `millis`.
    SlowVisibility,
    /// The next callback is sent twice.
    DuplicateCallback,
    /// Sealed parts are taken without a look at their header.
    UncheckedSeal,
    /// The request is answered 401 and its token is ended.
    Unauthorized,
    /// The request is answered 429 with `Retry-After` and `RateLimit` headers; `seconds` until the window ends.
    TooManyRequests,
    /// The request is answered with `status`, 503 if none is given.
    ServerError,
    /// The answer is held back for `millis`.
    Delay,
    /// The request is carried out, but the connection is closed instead of an answer.
    LostAnswer,
}

impl FaultKind {
    /// Whether it happens to one part of a submission.
    const fn of_a_part(self) -> bool {
        matches!(self, Self::WrongTag | Self::MissingTags | Self::ChangedTag)
    }

    const fn of_a_request(self) -> bool {
        matches!(self, Self::Unauthorized | Self::TooManyRequests | Self::ServerError | Self::Delay | Self::LostAnswer)
    }
}

/// All kinds by their names, as the command line explains them.
const KINDS: [(FaultKind, &str, &str); 18] = [
    (FaultKind::WrongTag, "wrong-tag", "das submit-Ereignis nennt für `part` einen anderen Tag"),
    (FaultKind::MissingTags, "missing-tags", "das submit-Ereignis nennt keine Tags, oder keinen für `part`"),
    (FaultKind::ChangedTag, "changed-tag", "`part` wird mit einem anderen Tag ausgeliefert, als es kam"),
    (FaultKind::MissingData, "missing-data", "die Fachdaten werden nicht ausgeliefert"),
    (FaultKind::MissingAttachment, "missing-attachment", "die erste Anlage ist genannt, aber nicht abrufbar"),
    (FaultKind::UnlistedAttachment, "unlisted-attachment", "die erste Anlage ist nicht genannt"),
    (FaultKind::SwappedAttachment, "swapped-attachment", "zwei Anlagen tauschen den Platz"),
    (FaultKind::ForgedSet, "forged-set", "das submit-Ereignis wird nach der Signatur geändert"),
    (FaultKind::TwoSubmitEvents, "two-submit-events", "das submit-Ereignis steht zweimal im Log"),
    (FaultKind::UnsupportedSetSchema, "unsupported-set-schema", "das submit-Ereignis nennt ein unbekanntes Schema"),
    (FaultKind::SlowVisibility, "slow-visibility", "die Einreichung ist erst nach `millis` sichtbar"),
    (FaultKind::DuplicateCallback, "duplicate-callback", "der Callback wird zweimal gesendet"),
    (FaultKind::UncheckedSeal, "unchecked-seal", "der Kopf verschlüsselter Teile wird nicht geprüft"),
    (FaultKind::Unauthorized, "unauthorized", "die Antwort ist 401, das Token gilt nicht mehr"),
    (FaultKind::TooManyRequests, "too-many-requests", "die Antwort ist 429, für `seconds`"),
    (FaultKind::ServerError, "server-error", "die Antwort ist `status`, sonst 503"),
    (FaultKind::Delay, "delay", "die Antwort kommt erst nach `millis`"),
    (FaultKind::LostAnswer, "lost-answer", "der Aufruf wird ausgeführt, aber nicht beantwortet"),
];

/// What no switch here can do: the service cannot read what is sealed for the destination.
const OF_THE_SENDER: &str = "Nicht hier, weil die Sandbox verschlüsselte Inhalte nicht lesen kann: `bad-hash` (falsche Prüfsumme \
    in den Metadaten) und `empty-fragments` (`fragments: []`) sind Fehler des Absenders. Der Testabsender im Quelltext macht sie: \
    `Damage::DataHash`, `Damage::AttachmentHash` und `Damage::EmptyFragments` in src/sender/damage.rs.";

/// What the command line says of faults.
pub(super) fn help() -> String {
    let kinds: String = KINDS.iter().map(|(_, name, what)| format!("\n  {name}: {what}")).collect();
    format!(
        "Störung von Anfang an, etwa `slow-visibility,times=3,millis=2000`; mehrfach möglich.\n\n\
         Beschränkt auf `method=` und `path=` (Teil des Pfads) bei Störungen eines Aufrufs, auf `part=metadata`, \
         `part=data` oder `part=attachment` (die erste Anlage) bei Tags:{kinds}\n\n{OF_THE_SENDER}"
    )
}

/// An armed fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
    /// Only requests of this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path holds this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For tags: the part that it happens to; of the attachments the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// For `slow-visibility` and `delay`, in milliseconds.
    #[serde(default)]
    pub millis: u64,
    /// For `too-many-requests`, in seconds.
    #[serde(default)]
    pub seconds: u64,
    /// For `server-error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

const fn once() -> u32 {
    1
}

/// A text that arms no fault.
#[derive(Debug, thiserror::Error)]
#[error("no fault: {0}; write for example slow-visibility,times=3,millis=2000")]
pub struct InvalidFault(String);

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let mut parts = text.split(',');
        let mut members = serde_json::Map::new();
        members.insert("kind".to_owned(), parts.next().unwrap_or_default().into());
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(|| InvalidFault(part.to_owned()))?;
            let value = value.parse::<u64>().map_or_else(|_| value.into(), serde_json::Value::from);
            members.insert(name.to_owned(), value);
        }
        let fault: Self = serde_json::from_value(members.into()).map_err(|error| InvalidFault(error.to_string()))?;
        fault.checked()
    }
}

impl Fault {
    /// A fault that happens once, to whatever comes next.
    #[must_use]
    pub const fn once(kind: FaultKind) -> Self {
        Self { kind, times: 1, method: None, path: None, part: None, millis: 0, seconds: 0, status: None }
    }

    /// The fault, unless it names what its kind does not know.
    pub(super) fn checked(self) -> Result<Self, InvalidFault> {
        if self.part.is_some() && !self.kind.of_a_part() {
            return Err(InvalidFault("this one happens to no single part".to_owned()));
        }
        if (self.path.is_some() || self.method.is_some()) && !self.kind.of_a_request() {
            return Err(InvalidFault("this one happens to no request".to_owned()));
        }
        Ok(self)
    }

    /// The time of `millis`.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        Duration::from_millis(self.millis)
    }

    fn meets(&self, method: &Method, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| method.as_str().eq_ignore_ascii_case(wanted))
            && self.path.as_deref().is_none_or(|part| path.contains(part))
    }
}

/// The armed faults, in the order they were armed.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault) {
        if fault.times > 0 {
            self.0.push(fault);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn list(&self) -> &[Fault] {
        &self.0
    }

    /// The fault that befalls this request, if one does.
    pub(super) fn for_request(&mut self, method: &Method, path: &str) -> Option<Fault> {
        self.take_where(|fault| fault.kind.of_a_request() && fault.meets(method, path))
    }

    /// A fault of this kind, if one is armed.
    pub(super) fn take(&mut self, kind: FaultKind) -> Option<Fault> {
        self.take_where(|fault| fault.kind == kind)
    }

    fn take_where(&mut self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.0.iter().position(wanted)?;
        let fault = self.0.get_mut(at)?;
        fault.times -= 1;
        let taken = fault.clone();
        if taken.times == 0 {
            self.0.remove(at);
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_on_one_line() {
        let fault: Fault = "server-error,times=2,status=502,method=POST,path=/events".parse().expect("a fault");
        let expected = Fault {
            times: 2,
            status: Some(502),
            method: Some("POST".to_owned()),
            path: Some("/events".to_owned()),
            ..Fault::once(FaultKind::ServerError)
        };
        assert_eq!(fault, expected);
        assert!("no-such-fault".parse::<Fault>().is_err());
        assert!("delay,colour=red".parse::<Fault>().is_err());
        assert!("wrong-tag,part=data".parse::<Fault>().is_ok());
        for wrong in ["delay,part=data", "wrong-tag,part=callback", "wrong-tag,path=/events"] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_kind_is_explained_under_the_name_it_is_armed_by() {
        for (kind, name, _) in KINDS {
            assert_eq!(name.parse::<Fault>().map(|fault| fault.kind).ok(), Some(kind), "{name}");
            assert_eq!(KINDS.iter().filter(|(other, ..)| *other == kind).count(), 1, "{name}");
        }
        assert_eq!(FaultKind::LostAnswer as usize + 1, KINDS.len());
    }

    #[test]
    fn what_only_a_sender_can_get_wrong_is_no_fault_and_the_help_says_where_it_is() {
        use crate::sender::damage::Damage;
        for (name, damages) in [
            ("bad-hash", &[Damage::DataHash, Damage::AttachmentHash][..]),
            ("empty-fragments", &[Damage::EmptyFragments]),
        ] {
            assert!(name.parse::<Fault>().is_err(), "{name}");
            assert!(help().contains(&format!("`{name}`")), "{name}");
            for damage in damages {
                assert!(help().contains(&format!("`Damage::{damage:?}`")), "{damage:?}");
            }
        }
    }

    #[test]
    fn a_fault_meets_only_the_requests_it_was_armed_for_and_ends() {
        let mut faults = Faults::default();
        faults.arm("server-error,method=POST,path=/events".parse().expect("a fault"));
        assert_eq!(faults.for_request(&Method::GET, "/v2/cases/1/events"), None);
        assert!(faults.for_request(&Method::POST, "/v2/cases/1/events").is_some());
        assert_eq!(faults.for_request(&Method::POST, "/v2/cases/1/events"), None);
    }
}
