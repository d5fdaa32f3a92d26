//! Sessions as they are kept: small sealed records that a restart does not end, by the keyed hash of their token.

use ozg_protocols::{ids::UserId, moment::Moment};
use ozg_storage::{codec::Schema, journal::JournalError};
use serde::{Deserialize, Serialize};

use super::{IDLE, LONGEST, SessionToken};
use crate::{clock::APART, supervise::AskError, tenant::TenantContext};

/// The kind of small record that a session is.
const SESSION: u8 = 1;
const SESSIONS: Schema<Session> = Schema::first(1);

/// A session as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(super) user: UserId,
    pub(super) since: Moment,
    pub(super) seen: Moment,
}

impl Session {
    /// One from the future was made by a clock that was wrong: nobody knows when it would end.
    pub(super) fn is_valid(&self, now: Moment) -> bool {
        let is_from_the_future = self.since.max(self.seen).since(now) > APART;
        !is_from_the_future && now.since(self.since) < LONGEST && now.since(self.seen) < IDLE
    }
}

/// The kept sessions of a tenant.
#[derive(Debug, Clone)]
pub(super) struct Kept(TenantContext);

impl Kept {
    pub(super) fn of(context: &TenantContext) -> Self {
        Self(context.clone())
    }

    /// What the session of this token is kept under.
    pub(super) fn id(&self, token: &SessionToken) -> u128 {
        self.0.sealer.index_key().record_id(SESSION, token.expose().as_bytes())
    }

    pub(super) async fn get(&self, id: u128) -> Result<Option<Session>, AskError> {
        let now = self.0.agreement.at_least(self.0.clock.now());
        let body = self.0.journal.record(SESSION, id, now).await.map_err(|_| AskError::Unavailable)?;
        let Some(body) = body else { return Ok(None) };
        let envelope = self.0.sealer.open_record(SESSION, id, &body).map_err(|_| AskError::Unavailable)?;
        SESSIONS.decode(&envelope).map(Some).map_err(|_| AskError::Unavailable)
    }

    pub(super) async fn put(&self, id: u128, session: &Session) -> Result<(), AskError> {
        let envelope = SESSIONS.encode(session).map_err(|_| AskError::Unavailable)?;
        let body = self.0.sealer.seal_record(SESSION, id, &envelope).map_err(|_| AskError::Unavailable)?;
        let expires = session.since.plus(LONGEST);
        self.0.journal.put_record(SESSION, id, Some(body), expires).await.map_err(|error| match error {
            JournalError::Full => AskError::FULL,
            _ => AskError::Unavailable,
        })
    }

    /// Nothing is written for what is not kept: to end sessions that never were costs no commit.
    pub(super) async fn remove(&self, id: u128) -> Result<(), AskError> {
        let now = self.0.clock.now();
        match self.0.journal.record(SESSION, id, now).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {}
            Err(_) => return Err(AskError::Unavailable),
        }
        self.0.journal.put_record(SESSION, id, None, now).await.map_err(|_| AskError::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_session_from_the_future_is_none() {
        let at = Moment::from_seconds(1_000_000);
        let session = |seen| Session { user: "erika".parse().expect("valid"), since: at, seen };
        let (hour, second) = (APART, Duration::from_secs(1));
        assert!(session(at.plus(hour)).is_valid(at));
        assert!(!session(at.plus(hour + second)).is_valid(at), "it would live longer than any other");
        assert!(!session(at).is_valid(at.plus(IDLE)));
    }
}
