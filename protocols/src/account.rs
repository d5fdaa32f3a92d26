//! Embedded accounts, for the demo and small places without an identity provider. One stream per account; schema 1.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{OrgUnitId, UserId},
    moment::Moment,
    principal::{Principal, Role},
};

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountEvent {
    /// It was made, or its data were set anew.
    Described {
        /// What it signs in with.
        user: UserId,
        /// How colleagues read it.
        name: String,
        /// What it may do.
        roles: Vec<Role>,
        /// Where.
        org_units: Vec<OrgUnitId>,
    },
    /// It has a new password.
    PasswordSet {
        /// The hash of it.
        hash: PasswordHash,
    },
    /// It can no longer sign in.
    Disabled,
}

/// An account event with its moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAccount {
    /// When it happened.
    pub at: Moment,
    /// What happened.
    pub event: AccountEvent,
}

/// A password hash in PHC string form (argon2id). Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PasswordHash(…)")
    }
}

/// An account as its events have made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who signs in with it.
    pub principal: Principal,
    /// The hash of the password, once there is one.
    pub password: Option<PasswordHash>,
    /// Whether it can sign in.
    pub enabled: bool,
}

impl Account {
    /// The account that these events made.
    pub fn fold<'e>(events: impl IntoIterator<Item = &'e RecordedAccount>) -> Option<Self> {
        events.into_iter().fold(None, Self::apply)
    }

    /// The account after one more event.
    #[must_use]
    pub fn apply(account: Option<Self>, recorded: &RecordedAccount) -> Option<Self> {
        match (account, &recorded.event) {
            (before, AccountEvent::Described { user, name, roles, org_units }) => {
                let (user, name) = (user.clone(), name.clone());
                let (roles, org_units) = (roles.iter().copied().collect(), org_units.iter().cloned().collect());
                let principal = Principal { user, name, roles, org_units };
                Some(Self { principal, password: before.and_then(|account| account.password), enabled: true })
            }
            (Some(account), AccountEvent::PasswordSet { hash }) => {
                Some(Self { password: Some(hash.clone()), ..account })
            }
            (Some(account), AccountEvent::Disabled) => Some(Self { enabled: false, ..account }),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str) -> RecordedAccount {
        let user = "erika".parse().expect("valid");
        let event =
            AccountEvent::Described { user, name: name.into(), roles: vec![Role::Caseworker], org_units: vec![] };
        RecordedAccount { at: Moment::default(), event }
    }

    #[test]
    fn a_new_description_keeps_the_password() {
        let hash = PasswordHash("$argon2id$…".into());
        let set = RecordedAccount { at: Moment::default(), event: AccountEvent::PasswordSet { hash: hash.clone() } };
        let account = Account::fold(&[described("Erika"), set, described("Erika Muster")]).expect("described");
        assert_eq!((account.principal.name.as_str(), account.password), ("Erika Muster", Some(hash)));
    }

    #[test]
    fn a_password_hash_is_never_printed() {
        assert!(!format!("{:?}", PasswordHash("secret".into())).contains("secret"));
    }
}
