//! Embedded accounts: read from their streams when they are first needed, and written by nobody else.

use std::collections::HashMap;

use ozg_protocols::{
    account::{Account, AccountEvent, PasswordHash, RecordedAccount},
    ids::UserId,
};
use ozg_storage::{
    journal::{Appended, Epoch, JournalError, StreamId, Version},
    stream::{NoEffect, Opened, Record, Stream, Ticket},
};

use super::super::{NewAccount, TenantContext};
use crate::{supervise::AskError, views::ACCOUNT_RECORDS};

const AT_ONCE: usize = 256;

type AccountStream = Stream<RecordedAccount, NoEffect>;

#[derive(Debug)]
pub(super) struct Accounts {
    context: TenantContext,
    read: HashMap<UserId, (Option<Account>, u64)>,
}

impl Accounts {
    pub(super) fn of(context: &TenantContext) -> Self {
        Self { context: context.clone(), read: HashMap::new() }
    }

    /// The account of this person, if there is one.
    pub(super) async fn get(&mut self, user: &UserId) -> Result<Option<Account>, AskError> {
        if let Some((account, _)) = self.read.get(user) {
            return Ok(account.clone());
        }
        let (account, version) = self.load(user, &mut self.stream(user)).await?;
        if account.is_some() {
            self.read.insert(user.clone(), (account.clone(), version));
        }
        Ok(account)
    }

    /// Makes an account, or describes it anew, with this password.
    pub(super) async fn add(&mut self, account: NewAccount, hash: PasswordHash) -> Result<(), AskError> {
        let NewAccount { user, name, roles, org_units, .. } = account;
        let at = self.context.clock.now();
        let recorded = |event| RecordedAccount { at, event };
        let events = vec![
            recorded(AccountEvent::Described { user: user.clone(), name, roles, org_units }),
            recorded(AccountEvent::PasswordSet { hash }),
        ];
        let key = self.context.ids.command_key().map_err(|_| AskError::Unavailable)?;
        self.read.remove(&user);
        for _ in 0..5 {
            let mut stream = self.stream(&user);
            let (_, version) = self.load(&user, &mut stream).await?;
            let record = Record { at, by: None, events: events.clone() };
            let ticket = Ticket { key, command: user.as_str().as_bytes(), reply: &[] };
            let append = stream
                .seal(Version(version), Epoch::default(), ticket, &record, &[], Vec::new())
                .map_err(|_| AskError::Unavailable)?;
            match self.context.journal.append(append).await {
                Ok(Appended::Durable { .. } | Appended::Duplicate { .. }) => return Ok(()),
                Ok(Appended::Conflict { .. }) | Err(JournalError::UnknownOutcome | JournalError::Unavailable) => {}
                Ok(_) | Err(_) => return Err(AskError::Unavailable),
            }
        }
        Err(AskError::Unavailable)
    }

    async fn load(&self, user: &UserId, stream: &mut AccountStream) -> Result<(Option<Account>, u64), AskError> {
        let mut events: Vec<RecordedAccount> = Vec::new();
        loop {
            let from = Version(events.len() as u64);
            let id = self.id(user);
            let page = self.context.journal.read(id, from, AT_ONCE).await.map_err(|_| AskError::Unavailable)?;
            for stored in &page.records {
                let Ok(Opened::Events(record)) = stream.open(stored) else { return Err(AskError::Unavailable) };
                events.extend(record.events);
            }
            if !page.more {
                return Ok((Account::fold(&events), events.len() as u64));
            }
        }
    }

    fn id(&self, user: &UserId) -> StreamId {
        self.context.sealer.index_key().user_stream(user)
    }

    fn stream(&self, user: &UserId) -> AccountStream {
        Stream::new(self.context.sealer.clone(), self.id(user), ACCOUNT_RECORDS, NoEffect::SCHEMA)
    }
}
