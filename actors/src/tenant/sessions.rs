//! Sessions and embedded accounts: who is signed in, and with what.
//!
//! Owns the accounts it has read (it is the only one who writes their streams), the sessions in use and the failed
//! sign-ins. A session is a random token of which only a keyed hash is kept; it ends after [`LONGEST`], or when nobody has used
//! it for [`IDLE`]. A token that is not known here is looked for aside, so that whoever tries out tokens delays nobody; so
//! many at a time and no more, whoever comes beyond that is turned away. Passwords are hashed on a pool of their own, also for logins that do not exist, so that nobody can tell
//! these apart by time; the answer comes back as a message, so that nobody waits for somebody else's password.

mod accounts;
mod attempts;
mod kept;
mod password;
mod token;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use ozg_protocols::{account::PasswordHash, ids::UserId, moment::Moment, principal::Principal};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::time::Instant;

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
use kept::{Kept, Session};

/// The longest that a session lives.
pub(crate) const LONGEST: Duration = Duration::from_secs(10 * 3600);
/// How long a session lives that nobody uses.
pub(crate) const IDLE: Duration = Duration::from_secs(2 * 3600);
/// How exactly the store knows when a session was last used.
const NOTED_EVERY: Duration = Duration::from_secs(5 * 60);
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// So many tokens are looked for at a time, and so many ended: fewer than the edge has permits, so that some are always left
/// for those who are signed in.
pub(crate) const ASIDE: usize = 256;
const COME_BACK: Duration = Duration::from_secs(1);

type Answer<T> = RpcReplyPort<Result<T, AskError>>;
/// Somebody who asked who is behind a token, and whose message still waits.
type Asker = (Answer<Option<Principal>>, Waiting);

/// What is asked of the sessions.
#[derive(Debug)]
pub(crate) enum SessionMessage {
    /// Somebody wants to sign in.
    SignIn { login: String, password: Secret, reply: RpcReplyPort<Result<SessionToken, SignInError>>, waiting: Waiting },
    /// The password of somebody was compared.
    Compared {
        login: u128,
        principal: Option<Box<Principal>>,
        reply: RpcReplyPort<Result<SessionToken, SignInError>>,
        waiting: Waiting,
    },
    /// Who is behind this token?
    Who { token: SessionToken, reply: Answer<Option<Principal>>, waiting: Waiting },
    /// What was kept under an id that was not known.
    Found { id: u128, session: Result<Option<Session>, AskError>, waiting: Waiting },
    /// The session ends.
    SignOut { token: SessionToken, reply: Answer<()>, waiting: Waiting },
    /// Nothing is kept of this session any more, or that could not be done.
    Left { id: u128, waiting: Waiting },
    /// An account is made, or described anew.
    Add { account: NewAccount, hash: PasswordHash, reply: RpcReplyPort<Result<(), AskError>>, waiting: Waiting },
    /// Time to forget what has expired.
    Sweep(Waiting),
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
    kept: Kept,
    sessions: HashMap<u128, Session>,
    /// What is being looked for, and who waits for it.
    sought: HashMap<u128, Vec<Asker>>,
    /// What is being ended: it is nobody's any more.
    leaving: HashSet<u128>,
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
        probe.after(&me, SWEEP_EVERY, SessionMessage::Sweep);
        probe.set(ActorState::Running);
        let (accounts, kept, attempts) = (Accounts::of(&context), Kept::of(&context), Attempts::default());
        let (sessions, sought, leaving) = (HashMap::new(), HashMap::new(), HashSet::new());
        Ok(Desk { context, probe, passwords, accounts, attempts, kept, sessions, sought, leaving })
    }

    async fn handle(
        &self,
        me: ActorRef<SessionMessage>,
        message: SessionMessage,
        desk: &mut Desk,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SessionMessage::SignIn { login, password, reply, waiting } => {
                desk.sign_in(&login, password, reply, waiting, me).await;
            }
            SessionMessage::Compared { login, principal, reply, waiting } => {
                let _working = waiting.begin("compared");
                let _ = reply.send(desk.compared(login, principal.map(|principal| *principal)).await);
            }
            SessionMessage::Who { token, reply, waiting } => desk.asked(&token, reply, waiting, &me).await,
            SessionMessage::Found { id, session, waiting } => {
                let _working = waiting.begin("found");
                desk.found(id, session).await;
            }
            SessionMessage::SignOut { token, reply, waiting } => desk.sign_out(&token, reply, waiting, me),
            SessionMessage::Left { id, waiting } => {
                let _working = waiting.begin("left");
                desk.leaving.remove(&id);
            }
            SessionMessage::Add { account, hash, reply, waiting } => {
                let _working = waiting.begin_as(&desk.probe, "add");
                let _ = reply.send(desk.accounts.add(account, hash).await);
            }
            SessionMessage::Sweep(waiting) => {
                let _working = waiting.begin("sweep");
                desk.sweep();
                desk.probe.after(&me, SWEEP_EVERY, SessionMessage::Sweep);
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
        waiting: Waiting,
        me: ActorRef<SessionMessage>,
    ) {
        let working = waiting.begin_as(&self.probe, "sign_in");
        let id = self.context.sealer.index_key().record_id(0, login.as_bytes());
        if let Err(retry_after) = self.attempts.begin(id, Instant::now()) {
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
        let (passwords, probe) = (self.passwords.clone(), self.probe.clone());
        tokio::spawn(async move {
            let right = passwords.run("verify", move || verify(&password, hash.as_ref())).await;
            // Its place at the passwords is free again.
            drop(working);
            let principal = principal.filter(|_| right == Ok(true));
            let _ = me.cast(SessionMessage::Compared { login: id, principal, reply, waiting: probe.waiting(None) });
        });
    }

    async fn compared(&mut self, login: u128, principal: Option<Principal>) -> Result<SessionToken, SignInError> {
        let principal = principal.ok_or(SignInError::Wrong)?;
        self.attempts.succeeded(login);
        let unavailable = SignInError::Unavailable(AskError::Unavailable);
        let token = SessionToken::new(&self.context.ids.bytes().map_err(|_| unavailable)?);
        let now = self.now();
        let session = Session { user: principal.user, since: now, seen: now };
        let id = self.kept.id(&token);
        self.kept.put(id, &session).await.map_err(SignInError::Unavailable)?;
        self.sessions.insert(id, session);
        Ok(token)
    }

    async fn asked(
        &mut self,
        token: &SessionToken,
        reply: Answer<Option<Principal>>,
        waiting: Waiting,
        me: &ActorRef<SessionMessage>,
    ) {
        let id = self.kept.id(token);
        if self.sessions.contains_key(&id) || self.leaving.contains(&id) {
            let _working = waiting.begin_as(&self.probe, "who");
            let _ = reply.send(self.who(id).await);
        } else if let Some(askers) = self.sought.get_mut(&id) {
            askers.push((reply, waiting));
        } else if self.sought.len() >= ASIDE {
            let _working = waiting.begin_as(&self.probe, "who");
            let _ = reply.send(Err(self.turned_away()));
        } else {
            self.sought.insert(id, vec![(reply, waiting)]);
            let (kept, me, probe) = (self.kept.clone(), me.clone(), self.probe.clone());
            tokio::spawn(async move {
                let session = kept.get(id).await;
                let _ = me.cast(SessionMessage::Found { id, session, waiting: probe.waiting(None) });
            });
        }
    }

    async fn found(&mut self, id: u128, session: Result<Option<Session>, AskError>) {
        // Nobody waits any more where it was ended meanwhile: then what was found is not true any more.
        let Some(askers) = self.sought.remove(&id) else { return };
        let session = session.map(|session| session.map(|session| self.sessions.insert(id, session)));
        for (reply, waiting) in askers {
            let _working = waiting.begin_as(&self.probe, "who");
            let answer = match session {
                Ok(_) => self.who(id).await,
                Err(error) => Err(error),
            };
            let _ = reply.send(answer);
        }
    }

    /// Who is behind a session that is known here; nobody behind any other.
    async fn who(&mut self, id: u128) -> Result<Option<Principal>, AskError> {
        let (now, context) = (self.now(), &self.context);
        let Some(session) = self.sessions.get_mut(&id).filter(|session| session.is_valid(now)) else {
            self.sessions.remove(&id);
            return Ok(None);
        };
        if now.since(session.seen) >= NOTED_EVERY && !context.agreement.stands_still(context.clock.now()) {
            session.seen = now;
            // Not to be able to note it only shortens the session.
            let _ = self.kept.put(id, session).await;
        }
        let account = self.accounts.get(&session.user).await?;
        Ok(account.filter(|account| account.enabled).map(|account| account.principal))
    }

    /// It is nobody's from now on; the answer comes when nothing is kept of it.
    fn sign_out(&mut self, token: &SessionToken, reply: Answer<()>, waiting: Waiting, me: ActorRef<SessionMessage>) {
        let working = waiting.begin_as(&self.probe, "sign_out");
        let id = self.kept.id(token);
        if self.leaving.len() >= ASIDE {
            let _ = reply.send(Err(self.turned_away()));
            return;
        }
        self.sessions.remove(&id);
        for (reply, waiting) in self.sought.remove(&id).unwrap_or_default() {
            let _working = waiting.begin_as(&self.probe, "who");
            let _ = reply.send(Ok(None));
        }
        self.leaving.insert(id);
        let (kept, probe) = (self.kept.clone(), self.probe.clone());
        tokio::spawn(async move {
            let _ = reply.send(kept.remove(id).await);
            drop(working);
            let _ = me.cast(SessionMessage::Left { id, waiting: probe.waiting(None) });
        });
    }

    fn turned_away(&self) -> AskError {
        self.probe.observation().metrics().turned_away("sessions", "normal");
        AskError::Busy { retry_after: COME_BACK }
    }

    /// The latest that the time may be: a session that has ended must not become valid again by a clock that is behind.
    fn now(&self) -> Moment {
        self.context.agreement.at_least(self.context.clock.now())
    }

    fn sweep(&mut self) {
        let now = self.now();
        self.sessions.retain(|_, session| session.is_valid(now));
        self.attempts.forget(Instant::now());
    }
}
