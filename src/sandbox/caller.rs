//! Who calls: OAuth clients, their scopes, and the tokens they hold.
//!
//! A client may hold any number of live tokens; a new one never ends an older one. They live for 30 minutes.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use ozg_protocols::{ids::DestinationId, moment::Moment};
use serde::{Deserialize, Serialize};

use super::problem::Problem;

/// How long a token lives.
pub(super) const TOKEN_LIFE: Duration = Duration::from_secs(30 * 60);
const SCOPES: &str = "https://schema.fitko.de/fit-connect/oauth/scopes/";

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Send submissions.
    SendSubmissions,
    /// Pick up the submissions of the destinations it is connected to.
    SubscribeDestinations,
    /// Make and change destinations.
    ManageDestinations,
}

impl Scope {
    const fn name(self) -> &'static str {
        match self {
            Self::SendSubmissions => "send-submissions",
            Self::SubscribeDestinations => "subscribe-destinations",
            Self::ManageDestinations => "manage-destinations",
        }
    }

    /// The scope of this name, in the form of 2026 or one of the older ones (dossier section 3).
    fn read(name: &str) -> Option<Self> {
        let short = name.strip_prefix(SCOPES).unwrap_or(name);
        match short {
            "send-submissions" => Some(Self::SendSubmissions),
            "subscribe-destinations" => Some(Self::SubscribeDestinations),
            "manage-destinations" => Some(Self::ManageDestinations),
            _ if short.starts_with("send:region:") => Some(Self::SendSubmissions),
            _ if short.starts_with("subscribe:destination:") => Some(Self::SubscribeDestinations),
            _ if short.starts_with("manage:destination:") || short == "create:destination" => {
                Some(Self::ManageDestinations)
            }
            _ => None,
        }
    }
}

/// An OAuth client.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The destinations it is connected to.
    #[serde(default)]
    pub destinations: BTreeSet<DestinationId>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Why no token is given, by its name in RFC 6749 section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    InvalidRequest,
    InvalidClient,
    InvalidScope,
    UnsupportedGrantType,
}

impl Refusal {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }
}

#[derive(Debug)]
struct Token {
    client: String,
    scopes: BTreeSet<Scope>,
    until: Moment,
}

/// A caller that showed a valid token.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) client: String,
    scopes: BTreeSet<Scope>,
    destinations: BTreeSet<DestinationId>,
}

impl Caller {
    pub(super) fn must(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            Ok(())
        } else {
            Err(Problem::forbidden(format!("the token lacks the scope {SCOPES}{}", scope.name())))
        }
    }

    pub(super) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether the caller subscribes this destination.
    pub(super) fn subscribes(&self, destination: DestinationId) -> bool {
        self.may(Scope::SubscribeDestinations) && self.destinations.contains(&destination)
    }

    pub(super) const fn destinations(&self) -> &BTreeSet<DestinationId> {
        &self.destinations
    }
}

/// All clients and their tokens.
#[derive(Debug, Default)]
pub(super) struct Callers {
    clients: HashMap<String, Client>,
    tokens: HashMap<String, Token>,
}

impl Callers {
    pub(super) fn add(&mut self, client: Client) {
        self.clients.insert(client.client_id.clone(), client);
    }

    pub(super) fn connect(&mut self, client: &str, destination: DestinationId) {
        if let Some(client) = self.clients.get_mut(client) {
            client.destinations.insert(destination);
        }
    }

    pub(super) fn disconnect(&mut self, destination: DestinationId) {
        for client in self.clients.values_mut() {
            client.destinations.remove(&destination);
        }
    }

    /// Gives out a token (`text` is random) and says which scopes it has.
    pub(super) fn log_in(
        &mut self,
        (id, secret): (&str, &str),
        wanted: Option<&str>,
        text: String,
        now: Moment,
    ) -> Result<String, Refusal> {
        let client = self.clients.get(id).filter(|client| client.client_secret == secret);
        let client = client.ok_or(Refusal::InvalidClient)?;
        let scopes: BTreeSet<Scope> = match wanted.filter(|wanted| !wanted.trim().is_empty()) {
            None => client.scopes.clone(),
            Some(wanted) => {
                let asked: Option<BTreeSet<Scope>> = wanted.split_whitespace().map(Scope::read).collect();
                asked.filter(|asked| asked.is_subset(&client.scopes)).ok_or(Refusal::InvalidScope)?
            }
        };
        let only_subscribes = scopes.iter().all(|scope| *scope == Scope::SubscribeDestinations);
        if only_subscribes && client.destinations.is_empty() {
            return Err(Refusal::InvalidScope);
        }
        self.tokens.retain(|_, token| token.until > now);
        let names: Vec<String> = scopes.iter().map(|scope| format!("{SCOPES}{}", scope.name())).collect();
        self.tokens.insert(text, Token { client: id.to_owned(), scopes, until: now.plus(TOKEN_LIFE) });
        Ok(names.join(" "))
    }

    /// The caller behind a token.
    pub(super) fn identify(&self, token: Option<&str>, now: Moment) -> Result<Caller, Problem> {
        let token = token.ok_or_else(|| Problem::unauthorized("a bearer token is needed"))?;
        let token = self.tokens.get(token).filter(|token| token.until > now);
        let token = token.ok_or_else(|| Problem::unauthorized("the token is unknown or has expired"))?;
        let client = self.clients.get(&token.client).ok_or_else(|| Problem::unauthorized("the client is gone"))?;
        Ok(Caller {
            client: token.client.clone(),
            scopes: token.scopes.clone(),
            destinations: client.destinations.clone(),
        })
    }

    /// Ends one token, as the fault `unauthorized` does in the middle of a flow.
    pub(super) fn revoke(&mut self, token: &str) {
        self.tokens.remove(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers(scopes: &[Scope], destinations: &[DestinationId]) -> Callers {
        let mut callers = Callers::default();
        callers.add(Client {
            client_id: "ein-client".to_owned(),
            client_secret: "geheim".to_owned(),
            scopes: scopes.iter().copied().collect(),
            destinations: destinations.iter().copied().collect(),
        });
        callers
    }

    const NOW: Moment = Moment::from_seconds(1_800_000_000);

    #[test]
    fn a_second_token_does_not_end_the_first() {
        let mut callers = callers(&[Scope::SendSubmissions], &[]);
        for token in ["eins", "zwei"] {
            callers.log_in(("ein-client", "geheim"), None, token.to_owned(), NOW).expect("a token");
        }
        assert!(callers.identify(Some("eins"), NOW).is_ok());
        assert!(callers.identify(Some("zwei"), NOW).is_ok());
    }

    #[test]
    fn a_token_ends_after_30_minutes() {
        let mut callers = callers(&[Scope::SendSubmissions], &[]);
        callers.log_in(("ein-client", "geheim"), None, "eins".to_owned(), NOW).expect("a token");
        assert!(callers.identify(Some("eins"), NOW.plus(TOKEN_LIFE)).is_err());
    }

    #[test]
    fn a_wrong_secret_is_an_invalid_client() {
        let refused = callers(&[Scope::SendSubmissions], &[]).log_in(("ein-client", "?"), None, String::new(), NOW);
        assert_eq!(refused, Err(Refusal::InvalidClient));
    }

    #[test]
    fn a_subscriber_without_destination_gets_invalid_scope() {
        let log_in = |mut callers: Callers| callers.log_in(("ein-client", "geheim"), None, "t".to_owned(), NOW);
        assert_eq!(log_in(callers(&[Scope::SubscribeDestinations], &[])), Err(Refusal::InvalidScope));
        let connected = [DestinationId::from_random([1; 16])];
        assert!(log_in(callers(&[Scope::SubscribeDestinations], &connected)).is_ok());
    }

    #[test]
    fn scopes_have_their_old_names_too_and_none_that_the_client_lacks() {
        let mut callers = callers(&[Scope::SendSubmissions], &[]);
        let mut ask = |scope| callers.log_in(("ein-client", "geheim"), Some(scope), "t".to_owned(), NOW);
        assert!(ask("send:region:DE12").is_ok());
        assert_eq!(ask("manage:destination:x"), Err(Refusal::InvalidScope));
        assert_eq!(ask("anything"), Err(Refusal::InvalidScope));
    }
}
