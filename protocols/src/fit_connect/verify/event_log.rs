//! Stage 1: the event log. Who says so, may he say so, and was it handed over exactly once?

use super::{Check, Problem, Retry, Stop};
use crate::{
    fit_connect::{
        jose::{kid::Kid, rsa::VerifyPs512},
        set::{self, Claims, ClaimsRefused, Envelope, Event, Issuer, Set, SetRefused, State, Subject, state},
        tag::AuthenticationTags,
    },
    ids::{DestinationId, FitCaseId, SubmissionId},
    moment::Moment,
};

/// The published keys that SETs are verified with.
pub trait SetKeys {
    /// The key of this name that this issuer has published.
    fn find(&self, issuer: &Issuer, kid: &Kid) -> Option<&dyn VerifyPs512>;
}

/// What the log has to be about. SETs about other submissions of the same case are passed over.
#[derive(Debug, Clone, Copy)]
pub struct EventLogCheck<'a> {
    /// The submission.
    pub submission: SubmissionId,
    /// Its case at the delivery service.
    pub case: FitCaseId,
    /// Our destination that it was sent to.
    pub destination: DestinationId,
    /// The base URLs under which the delivery service signs.
    pub service_issuers: &'a [String],
}

/// What a good log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedLog {
    /// Where the submission stands.
    pub state: State,
    /// The tags of its submit event.
    pub tags: Option<AuthenticationTags>,
    /// `$schema` of its submit event, to be mirrored in the answer.
    pub schema: Option<String>,
    /// When it was handed over.
    pub submitted_at: Moment,
    /// The verified events about it, oldest first.
    pub events: Vec<Claims>,
}

impl EventLogCheck<'_> {
    /// The keys that [`Self::judge`] will ask for, each once: those of issuers who may speak here, and no others. For a
    /// service that signs under an unknown name it is the key that our own service may have published.
    #[must_use]
    pub fn keys_needed(&self, log: &[String]) -> Vec<(Issuer, Kid)> {
        self.keys(log, |_, _| true)
    }

    /// Those keys at hand under whose names somebody else signed: a forgery, unless the key was replaced under its name.
    #[must_use]
    pub fn keys_in_doubt(&self, log: &[String], keys: &dyn SetKeys) -> Vec<(Issuer, Kid)> {
        self.keys(log, |issuer, set| keys.find(issuer, set.kid()).is_some_and(|key| !set.is_signed_by(key)))
    }

    fn keys(&self, log: &[String], wanted: impl Fn(&Issuer, &Envelope<'_>) -> bool) -> Vec<(Issuer, Kid)> {
        let mut keys = Vec::new();
        let about_us = log.iter().filter(|text| !set::is_about_another(text, self.submission));
        for set in about_us.filter_map(|text| Envelope::parse(text)) {
            for issuer in self.speakers(set.issuer()).into_iter().filter(|issuer| wanted(issuer, &set)) {
                let key = (issuer, set.kid().clone());
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    /// Judges the whole log (all its pages, oldest first).
    ///
    /// # Errors
    /// Rejects a log with SETs that do not verify, of wrong issuers, or without exactly one submit event; asks for a
    /// retry when a key, or the schema of what such a key signed, is not known.
    pub fn judge(&self, log: &[String], keys: &dyn SetKeys) -> Result<JudgedLog, Stop> {
        let mut events = Vec::new();
        let mut problems: Vec<Problem> = Vec::new();
        for text in log {
            match self.judge_one(text, keys) {
                Ok(claims) => events.extend(claims),
                Err(Found::Problem(detail)) => problems.push(Check::SetsVerify.problem(detail)),
                Err(Found::Retry(retry)) => return Err(Stop::Retry(retry)),
            }
        }
        let mut submits = events.iter().filter_map(|set| match &set.event {
            Event::Submitted(tags) => Some((set, tags)),
            _ => None,
        });
        let submit = match (submits.next(), submits.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err("Das Event-Log enthält kein Event submit-submission."),
            (Some(_), Some(_)) => Err("Das Event-Log enthält mehrere Events submit-submission."),
        };
        match submit {
            Ok((set, tags)) if problems.is_empty() => Ok(JudgedLog {
                state: state(&events, self.submission),
                tags: tags.clone(),
                schema: set.schema.clone(),
                submitted_at: set.issued_at,
                events,
            }),
            Ok(_) => Err(Stop::Reject(problems)),
            Err(detail) => {
                problems.push(Check::OneSubmitEvent.problem(detail));
                Err(Stop::Reject(problems))
            }
        }
    }

    /// Other submissions of the case that signed events tell of, in the order of the log. At most `most` signatures are
    /// verified, and only with keys at hand, which were fetched for what the log says of our own submission. Of an event
    /// whose key is not among them nothing is believed and nothing held against anybody: the submission is passed over.
    #[must_use]
    pub fn siblings(&self, log: &[String], keys: &dyn SetKeys, most: usize) -> Vec<SubmissionId> {
        let mut siblings = Vec::new();
        let mut left = most;
        for set in log.iter().filter_map(|text| Set::parse(text).ok()) {
            let Subject::Submission(id) = set.unverified().subject else { continue };
            let told = id == self.submission || siblings.contains(&id);
            if told || set.unverified().case != self.case || !self.may_speak(&set.unverified().issuer) {
                continue;
            }
            let Some(key) = keys.find(&set.unverified().issuer, set.kid()) else { continue };
            let Some(fewer) = left.checked_sub(1) else { break };
            left = fewer;
            if set.verify(key).is_ok_and(|claims| may_say(&claims)) {
                siblings.push(id);
            }
        }
        siblings
    }

    fn judge_one(&self, text: &str, keys: &dyn SetKeys) -> Result<Option<Claims>, Found> {
        if set::is_about_another(text, self.submission) {
            return Ok(None);
        }
        let set = Set::parse(text).map_err(|refused| match refused {
            SetRefused::Claims(ClaimsRefused::Schema) => self.of_unknown_schema(text, keys),
            _ => MALFORMED,
        })?;
        if !self.may_speak(&set.unverified().issuer) {
            return Err(self.stranger(set, keys));
        }
        let (issuer, kid) = (set.unverified().issuer.clone(), set.kid().clone());
        let key = keys.find(&issuer, &kid).ok_or(Found::Retry(Retry::UnknownSetKey(kid)))?;
        let claims =
            set.verify(key).map_err(|_| Found::Problem("Die Signatur eines Security-Event-Tokens ist ungültig."))?;
        if claims.case != self.case {
            return Err(Found::Problem("Ein Security-Event-Token gehört zu einem anderen Vorgang."));
        }
        if may_say(&claims) {
            Ok(Some(claims))
        } else {
            Err(Found::Problem("Der Aussteller eines Security-Event-Tokens ist zu diesem Event nicht berechtigt."))
        }
    }

    /// Of a schema that is not known: what it says cannot be judged yet, if it was signed by somebody who may say it.
    fn of_unknown_schema(&self, text: &str, keys: &dyn SetKeys) -> Found {
        let Some(set) = Envelope::parse(text) else { return MALFORMED };
        let speakers = self.speakers(set.issuer());
        let keys: Vec<_> = speakers.iter().filter_map(|issuer| keys.find(issuer, set.kid())).collect();
        if keys.iter().any(|key| set.is_signed_by(*key)) {
            Found::Retry(Retry::UnknownSetSchema(set.schema().chars().take(LONGEST_NAME).collect()))
        } else if keys.is_empty() && self.may_speak(set.issuer()) {
            Found::Retry(Retry::UnknownSetKey(set.kid().clone()))
        } else {
            Found::Problem("Ein Security-Event-Token hat ein unbekanntes Schema und keinen berechtigten Aussteller.")
        }
    }

    /// An unknown issuer: nobody, unless it is our own service under another name. That may be our own fault.
    fn stranger(&self, set: Set<'_>, keys: &dyn SetKeys) -> Found {
        let speakers = self.speakers(&set.unverified().issuer);
        let key = speakers.iter().find_map(|issuer| keys.find(issuer, set.kid()));
        let kid = set.kid().clone();
        match key.map(|key| set.verify(key)) {
            Some(Ok(_)) => Found::Retry(Retry::UnknownSetKey(kid)),
            _ => Found::Problem("Ein Security-Event-Token stammt von einem unbekannten Aussteller."),
        }
    }

    /// Whose keys may have signed what this issuer says.
    fn speakers(&self, issuer: &Issuer) -> Vec<Issuer> {
        match issuer {
            _ if self.may_speak(issuer) => vec![issuer.clone()],
            Issuer::Service(_) => self.service_issuers.iter().cloned().map(Issuer::Service).collect(),
            Issuer::Destination(_) => Vec::new(),
        }
    }

    fn may_speak(&self, issuer: &Issuer) -> bool {
        match issuer {
            Issuer::Service(url) => self.service_issuers.contains(url),
            Issuer::Destination(id) => *id == self.destination,
        }
    }
}

/// Whether such an issuer may report such an event.
fn may_say(claims: &Claims) -> bool {
    claims.event.kind().is_none_or(|kind| match claims.issuer {
        Issuer::Service(_) => kind.by_service(),
        Issuer::Destination(_) => kind.by_subscriber(),
    })
}

enum Found {
    Problem(&'static str),
    Retry(Retry),
}

const MALFORMED: Found = Found::Problem("Ein Security-Event-Token ist nicht wohlgeformt.");
/// So much of the name of an unknown schema is told.
const LONGEST_NAME: usize = 120;
