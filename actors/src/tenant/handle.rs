//! A tenant as everybody outside the hierarchy knows it: a cheap handle. Permits are taken and time is stamped in here.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ozg_protocols::{
    application::Attachment,
    case::{Order, Person},
    ids::{AttachmentId, CaseId, CommandKey, DestinationId, IntakeId, OrgUnitId, TenantSlug, UserId},
    principal::{Permission, Principal, Role},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    Callback, CallbackError, Channels, Edge, Gate, SessionToken, UnreadCallback, WITHIN,
    sessions::{self, SessionMessage},
};
use crate::{
    blobs::BlobReader,
    case::{Ask, CaseSheet, Outcome, Ticket},
    observe::Probe,
    pool::Workers,
    seams::Ids,
    secret::Secret,
    settings::TenantSettings,
    supervise::{Address, AskError},
    views::{ChangeFeed, ClearingItem, Views, WorkList},
};

/// When somebody may come back for whom there was no place at the passwords.
const PASSWORDS_AGAIN: Duration = Duration::from_secs(2);

/// Why somebody is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// No such login, or another password: nobody can tell these apart.
    #[error("login or password are wrong")]
    Wrong,
    /// Too many wrong ones: try again later.
    #[error("too many attempts; try again in {retry_after:?}")]
    TooMany {
        /// When.
        retry_after: Duration,
    },
    /// Not now.
    #[error(transparent)]
    Unavailable(AskError),
}

/// An embedded account to be made, or to be described anew.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// What it signs in with.
    pub user: UserId,
    /// How colleagues read it.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Where.
    pub org_units: Vec<OrgUnitId>,
    /// Its password.
    pub password: Secret,
}

/// What a handle holds.
#[derive(Debug)]
pub(crate) struct TenantInner {
    pub(crate) settings: Arc<TenantSettings>,
    pub(crate) edge: Edge,
    pub(crate) sessions: Address<SessionMessage>,
    pub(crate) sessions_probe: Probe,
    /// So many questions after a session at a time.
    pub(crate) sessions_gate: Gate,
    /// So many sign-ins and new accounts at a time: each holds a job of the password pool.
    pub(crate) sign_ins: Arc<Semaphore>,
    pub(crate) passwords: Workers,
    pub(crate) ids: Ids,
    pub(crate) views: Views,
    #[cfg(test)]
    pub(crate) numbers: super::Numbers,
    pub(crate) channels: watch::Receiver<Option<Arc<dyn Channels>>>,
}

/// A tenant.
#[derive(Debug, Clone)]
pub struct Tenant(Arc<TenantInner>);

impl Tenant {
    pub(crate) fn new(inner: TenantInner) -> Self {
        Self(Arc::new(inner))
    }

    #[cfg(test)]
    pub(crate) fn numbers(&self) -> super::Numbers {
        self.0.numbers.clone()
    }

    pub(crate) fn edge(&self) -> &Edge {
        &self.0.edge
    }

    /// Its slug.
    #[must_use]
    pub fn slug(&self) -> &TenantSlug {
        &self.0.settings.slug
    }

    /// Its name as people read it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// The hosts by which it is found.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.0.settings.hosts
    }

    /// The name of one of its org units.
    #[must_use]
    pub fn org_unit_name(&self, id: &OrgUnitId) -> Option<&str> {
        self.0.settings.org_units.iter().find(|unit| unit.id == *id).map(|unit| unit.name.as_str())
    }

    /// Signs somebody in. Takes as long for a login that does not exist as for a wrong password.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(&self, login: &str, password: Secret) -> Result<SessionToken, SignInError> {
        let busy = SignInError::Unavailable(AskError::Busy { retry_after: PASSWORDS_AGAIN });
        let permit = self.password_job().ok_or(busy)?;
        let waiting = self.0.sessions_probe.waiting(Some(permit));
        let question = |reply| SessionMessage::SignIn { login: login.to_owned(), password, reply, waiting };
        self.0.sessions.ask(WITHIN, question).await.map_err(SignInError::Unavailable)?
    }

    /// Who is behind a token; nobody once the session has ended.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn session(&self, token: &SessionToken) -> Result<Option<Principal>, AskError> {
        let question = |reply, waiting| SessionMessage::Who { token: token.clone(), reply, waiting };
        self.0.sessions_gate.ask(&self.0.sessions, question).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn sign_out(&self, token: &SessionToken) -> Result<(), AskError> {
        let question = |reply, waiting| SessionMessage::SignOut { token: token.clone(), reply, waiting };
        self.0.sessions_gate.ask(&self.0.sessions, question).await
    }

    /// The work list.
    #[must_use]
    pub fn work_list(&self) -> WorkList {
        self.0.views.work_list()
    }

    /// A case as this person may see it.
    ///
    /// # Errors
    /// [`AskError::NotFound`] also where the person must not see it.
    pub async fn show_case(&self, who: &Principal, case: CaseId) -> Result<CaseSheet, AskError> {
        self.0.edge.through(case, |reply| Ask::Show { who: who.clone(), reply }).await.map(|sheet| *sheet)
    }

    /// Gives an order. Safe to repeat with the same ticket: the same order gets the first answer.
    ///
    /// # Errors
    /// [`AskError::NotFound`] also where the person must not see the case; [`AskError::Unavailable`] says nothing about the
    /// order's fate: give it again with the same ticket.
    pub async fn order(
        &self,
        who: &Principal,
        case: CaseId,
        order: Order,
        ticket: Ticket,
    ) -> Result<Outcome, AskError> {
        self.0.edge.order(Some(who), case, order, ticket, Vec::new()).await
    }

    /// Waits a moment until the clearing tray shows this submission no longer, as [`Tenant::shows`] does for a case.
    pub async fn cleared(&self, intake: IntakeId) -> bool {
        self.0.views.cleared(intake).await
    }

    /// Waits a moment until lists and numbers show a case in this version, so that whoever gave an order sees what it did.
    /// False where they do not yet: then they follow by themselves.
    pub async fn shows(&self, case: CaseId, version: u64) -> bool {
        self.0.views.shown(case, version).await
    }

    /// Opens a file of a case.
    ///
    /// # Errors
    /// As [`Tenant::show_case`].
    pub async fn open_file(
        &self,
        who: &Principal,
        case: CaseId,
        file: AttachmentId,
    ) -> Result<(Attachment, BlobReader), AskError> {
        self.0.edge.through(case, |reply| Ask::Open { who: who.clone(), file, reply }).await
    }

    /// What waits in the clearing tray, the oldest first.
    ///
    /// # Errors
    /// [`AskError::Forbidden`].
    // Asynchronous like every other question, so that callers need not change when it is.
    #[expect(clippy::unused_async, reason = "a question to the house, whatever answers it today")]
    pub async fn clearing_items(&self, who: &Principal) -> Result<Vec<ClearingItem>, AskError> {
        may_clear(who)?;
        Ok(self.0.views.clearing())
    }

    /// What waits in the clearing tray, if that has changed after this record; nothing for whoever may not see it.
    #[must_use]
    pub fn clearing_after(&self, who: &Principal, record: u64) -> Option<BTreeSet<IntakeId>> {
        may_clear(who).ok().and_then(|()| self.0.views.clearing_after(record))
    }

    /// Tries a clearing item again.
    ///
    /// # Errors
    /// As [`Tenant::order`].
    pub async fn retry_clearing(
        &self,
        who: &Principal,
        intake: IntakeId,
        key: CommandKey,
    ) -> Result<Outcome, AskError> {
        may_clear(who)?;
        self.channels().ok_or(AskError::Unavailable)?.retry(who.clone(), intake, key).await
    }

    /// Those whom this person may put in charge, by name.
    ///
    /// # Errors
    /// None today.
    #[expect(clippy::unused_async, reason = "a question to the house, whatever answers it today")]
    pub async fn colleagues(&self, who: &Principal) -> Result<Vec<Person>, AskError> {
        Ok(self.0.views.colleagues(who))
    }

    /// Tells what changes from now on.
    #[must_use]
    pub fn changes(&self) -> ChangeFeed {
        self.0.views.changes()
    }

    /// Takes a delivery service's call.
    ///
    /// # Errors
    /// [`CallbackError`].
    pub async fn callback(&self, destination: DestinationId, call: Callback) -> Result<(), CallbackError> {
        self.channels().ok_or(AskError::Unavailable)?.callback(destination, call).await
    }

    /// Notes that a call for this destination was refused before it was read.
    pub fn callback_unread(&self, destination: DestinationId, why: UnreadCallback) {
        if let Some(channels) = self.channels() {
            channels.unread(destination, why);
        }
    }

    /// Makes an embedded account, or describes it anew.
    ///
    /// # Errors
    /// [`AskError::Busy`] where too many sign in just now, [`AskError::Unavailable`].
    pub async fn add_account(&self, account: NewAccount) -> Result<(), AskError> {
        let _permit = self.password_job().ok_or(AskError::Busy { retry_after: PASSWORDS_AGAIN })?;
        let salt = self.0.ids.bytes().map_err(|_| AskError::Unavailable)?;
        let password = account.password.clone();
        let hashed = self.0.passwords.run("hash", move || sessions::hash(&password, &salt)).await;
        let hash = hashed.map_err(|_| AskError::Unavailable)?.map_err(|_| AskError::Unavailable)?;
        let question = |reply| {
            let waiting = self.0.sessions_probe.waiting(None);
            SessionMessage::Add { account: account.clone(), hash: hash.clone(), reply, waiting }
        };
        self.0.sessions.insist(WITHIN, question).await?
    }

    /// A place for one job of the password pool, if there is one.
    fn password_job(&self) -> Option<OwnedSemaphorePermit> {
        let permit = self.0.sign_ins.clone().try_acquire_owned().ok();
        if permit.is_none() {
            self.0.sessions_probe.observation().metrics().turned_away("passwords", "normal");
        }
        permit
    }

    fn channels(&self) -> Option<Arc<dyn Channels>> {
        self.0.channels.borrow().clone()
    }
}

fn may_clear(who: &Principal) -> Result<(), AskError> {
    if who.may(Permission::ReadClearing) { Ok(()) } else { Err(AskError::Forbidden) }
}
