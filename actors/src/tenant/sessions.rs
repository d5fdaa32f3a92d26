//! Sessions and embedded accounts: who is signed in, and with what.
//!
//! Owns the accounts it has read (it is the only one who writes their streams), the sessions in use and the failed
//! sign-ins. A session is a random token of which only a keyed hash is kept; it ends after [`LONGEST`], or when nobody has used
//! it for [`IDLE`]. Passwords are hashed on a pool of their own, also for logins that do not exist, so that nobody can tell
//! these apart by time; the answer comes back as a message, so that nobody waits for somebody else's password.

mod accounts;
mod attempts;
mod password;
mod token;

use std::{collections::HashMap, time::Duration};

use ozg_protocols::{account::PasswordHash, ids::UserId, moment::Moment, principal::Principal};
use ozg_storage::{codec::Schema, journal::JournalError};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use serde::{Deserialize, Serialize};

pub(crate) use password::{hash, verify};
pub use token::{InvalidToken, SessionToken};

use super::{NewAccount, SignInError, TenantContext};
use crate::{
    observe::{ActorState, Probe, Waiting},
    pool::Workers,
    secret::Secret,
    supervise::AskError,
};
use accounts::Accounts;
use attempts::Attempts;

/// The longest that a session lives.
pub(crate) const LONGEST: Duration = Duration::from_secs(10 * 3600);
/// How long a session lives that nobody uses.
pub(crate) const IDLE: Duration = Duration::from_secs(2 * 3600);
/// How exactly the store knows when a session was last used.
const NOTED_EVERY: Duration = Duration::from_secs(5 * 60);
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The kind of small record that a session is.
const SESSION: u8 = 1;
const SESSIONS: Schema<Session> = Schema::first(1);

/// What is asked of the sessions.
#[derive(Debug)]
pub(crate) enum SessionMessage {
    /// Somebody wants to sign in.
    SignIn { login: String, password: Secret, reply: RpcReplyPort<Result<SessionToken, SignInError>>, waiting: Waiting },
    /// The password of somebody was compared.
    Compared { login: u128, principal: Option<Box<Principal>>, reply: RpcReplyPort<Result<SessionToken, SignInError>> },
    /// Who is behind this token?
    Who { token: SessionToken, reply: RpcReplyPort<Result<Option<Principal>, AskError>>, waiting: Waiting },
    /// The session ends.
    SignOut { token: SessionToken, reply: RpcReplyPort<Result<(), AskError>>, waiting: Waiting },
    /// An account is made, or described anew.
    Add { account: NewAccount, hash: PasswordHash, reply: RpcReplyPort<Result<(), AskError>>, waiting: Waiting },
    /// Time to forget what has expired.
    Sweep,
}

/// A session as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    user: UserId,
    since: Moment,
    seen: Moment,
}

impl Session {
    fn is_valid(&self, now: Moment) -> bool {
        now.since(self.since) < LONGEST && now.since(self.seen) < IDLE
    }
}

/// Starts the sessions of a tenant.
#[derive(Debug)]
pub(crate) struct SessionsActor;

/// The sessions in use.
#[derive(Debug)]
pub(crate) struct Desk {
    context: TenantContext,
    probe: Probe,
    passwords: Workers,
    accounts: Accounts,
    attempts: Attempts,
    sessions: HashMap<u128, Session>,
}

impl Actor for SessionsActor {
    type Msg = SessionMessage;
    type State = Desk;
    type Arguments = (TenantContext, Workers, Probe);

    async fn pre_start(
        &self,
        me: ActorRef<SessionMessage>,
        (context, passwords, probe): Self::Arguments,
    ) -> Result<Desk, ActorProcessingErr> {
        me.send_after(SWEEP_EVERY, || SessionMessage::Sweep);
        probe.set(ActorState::Running);
        let accounts = Accounts::of(&context);
        Ok(Desk { context, probe, passwords, accounts, attempts: Attempts::default(), sessions: HashMap::new() })
    }

    async fn handle(
        &self,
        me: ActorRef<SessionMessage>,
        message: SessionMessage,
        desk: &mut Desk,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SessionMessage::SignIn { login, password, reply, waiting } => {
                let _working = waiting.begin_as(&desk.probe, "sign_in");
                desk.sign_in(&login, password, reply, me).await;
            }
            SessionMessage::Compared { login, principal, reply } => {
                let _ = reply.send(desk.compared(login, principal.map(|principal| *principal)).await);
            }
            SessionMessage::Who { token, reply, waiting } => {
                let _working = waiting.begin_as(&desk.probe, "who");
                let _ = reply.send(desk.who(&token).await);
            }
            SessionMessage::SignOut { token, reply, waiting } => {
                let _working = waiting.begin_as(&desk.probe, "sign_out");
                let _ = reply.send(desk.sign_out(&token).await);
            }
            SessionMessage::Add { account, hash, reply, waiting } => {
                let _working = waiting.begin_as(&desk.probe, "add");
                let _ = reply.send(desk.accounts.add(account, hash).await);
            }
            SessionMessage::Sweep => {
                desk.sweep();
                me.send_after(SWEEP_EVERY, || SessionMessage::Sweep);
            }
        }
        Ok(())
    }
}

impl Desk {
    async fn sign_in(
        &mut self,
        login: &str,
        password: Secret,
        reply: RpcReplyPort<Result<SessionToken, SignInError>>,
        me: ActorRef<SessionMessage>,
    ) {
        let now = self.context.clock.now();
        let id = self.context.sealer.index_key().record_id(0, login.as_bytes());
        if let Err(retry_after) = self.attempts.begin(id, now) {
            let _ = reply.send(Err(SignInError::TooMany { retry_after }));
            return;
        }
        let account = match login.parse::<UserId>() {
            Ok(user) => self.accounts.get(&user).await,
            Err(_) => Ok(None),
        };
        let account = match account {
            Ok(account) => account.filter(|account| account.enabled),
            Err(error) => {
                let _ = reply.send(Err(SignInError::Unavailable(error)));
                return;
            }
        };
        let hash = account.as_ref().and_then(|account| account.password.clone());
        let principal = account.map(|account| Box::new(account.principal));
        let passwords = self.passwords.clone();
        tokio::spawn(async move {
            let right = passwords.run("verify", move || verify(&password, hash.as_ref())).await;
            let principal = principal.filter(|_| right == Ok(true));
            let _ = me.cast(SessionMessage::Compared { login: id, principal, reply });
        });
    }

    async fn compared(&mut self, login: u128, principal: Option<Principal>) -> Result<SessionToken, SignInError> {
        let principal = principal.ok_or(SignInError::Wrong)?;
        self.attempts.succeeded(login);
        let unavailable = SignInError::Unavailable(AskError::Unavailable);
        let token = SessionToken::new(&self.context.ids.bytes().map_err(|_| unavailable)?);
        let now = self.context.clock.now();
        let session = Session { user: principal.user, since: now, seen: now };
        let id = self.id(&token);
        self.keep(id, &session).await.map_err(SignInError::Unavailable)?;
        self.sessions.insert(id, session);
        Ok(token)
    }

    async fn who(&mut self, token: &SessionToken) -> Result<Option<Principal>, AskError> {
        let (id, now) = (self.id(token), self.context.clock.now());
        let known = match self.sessions.get(&id) {
            Some(session) => Some(session.clone()),
            None => self.kept(id, now).await?,
        };
        let Some(mut session) = known.filter(|session| session.is_valid(now)) else {
            self.sessions.remove(&id);
            return Ok(None);
        };
        if now.since(session.seen) >= NOTED_EVERY {
            session.seen = now;
            // Not to be able to note it only shortens the session.
            let _ = self.keep(id, &session).await;
        }
        let account = self.accounts.get(&session.user).await?;
        self.sessions.insert(id, session);
        Ok(account.filter(|account| account.enabled).map(|account| account.principal))
    }

    async fn sign_out(&mut self, token: &SessionToken) -> Result<(), AskError> {
        let id = self.id(token);
        self.sessions.remove(&id);
        let now = self.context.clock.now();
        self.context.journal.put_record(SESSION, id, None, now).await.map_err(|_| AskError::Unavailable)
    }

    fn sweep(&mut self) {
        let _working = self.probe.waiting(None).begin("sweep");
        let now = self.context.clock.now();
        self.sessions.retain(|_, session| session.is_valid(now));
        self.attempts.forget(now);
    }

    fn id(&self, token: &SessionToken) -> u128 {
        self.context.sealer.index_key().record_id(SESSION, token.expose().as_bytes())
    }

    async fn keep(&self, id: u128, session: &Session) -> Result<(), AskError> {
        let envelope = SESSIONS.encode(session).map_err(|_| AskError::Unavailable)?;
        let body = self.context.sealer.seal_record(SESSION, id, &envelope).map_err(|_| AskError::Unavailable)?;
        let expires = session.since.plus(LONGEST);
        self.context.journal.put_record(SESSION, id, Some(body), expires).await.map_err(|error| match error {
            JournalError::Full => AskError::FULL,
            _ => AskError::Unavailable,
        })
    }

    async fn kept(&self, id: u128, now: Moment) -> Result<Option<Session>, AskError> {
        let body = self.context.journal.record(SESSION, id, now).await.map_err(|_| AskError::Unavailable)?;
        let Some(body) = body else { return Ok(None) };
        let envelope = self.context.sealer.open_record(SESSION, id, &body).map_err(|_| AskError::Unavailable)?;
        SESSIONS.decode(&envelope).map(Some).map_err(|_| AskError::Unavailable)
    }
}
