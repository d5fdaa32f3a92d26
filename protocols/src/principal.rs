//! Who acts, and what their roles allow. The table is the rule; nobody else decides permission.
//!
//! A principal is made once at the edge (from a session) and rides with every query and order. Whoever shows or changes
//! something asks here, below the view (law 6).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{OrgUnitId, UserId};

/// A role, named as Keycloak sends it (glossary).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Sachbearbeitung: lists and works on cases of the own org units.
    #[serde(rename = "VERWALTUNG_USER")]
    Caseworker,
    /// Poststelle: new cases and clearing items of the whole tenant; routes and assigns.
    #[serde(rename = "VERWALTUNG_POSTSTELLE")]
    Mailroom,
    /// As caseworker, plus the second pair of eyes of a final deletion.
    #[serde(rename = "VERWALTUNG_LOESCHEN")]
    Deleter,
    /// Reads across org units, forwards, exports.
    #[serde(rename = "EINHEITLICHER_ANSPRECHPARTNER")]
    SinglePointOfContact,
    /// Users, roles, org units, channels, templates, rules of the tenant; sees no case content.
    #[serde(rename = "ADMIN_ADMIN")]
    Administrator,
    /// Statistics, audit and deletion records; sees no case content.
    #[serde(rename = "DATENBEAUFTRAGUNG")]
    DataProtection,
    /// Operations across tenants: supervision, queues, metrics; sees no case content.
    #[serde(rename = "BETRIEB")]
    Operations,
}

impl Role {
    /// All roles, in the order of the glossary.
    pub const ALL: [Self; 7] = [
        Self::Caseworker,
        Self::Mailroom,
        Self::Deleter,
        Self::SinglePointOfContact,
        Self::Administrator,
        Self::DataProtection,
        Self::Operations,
    ];

    /// The role's name as identity providers send it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caseworker => "VERWALTUNG_USER",
            Self::Mailroom => "VERWALTUNG_POSTSTELLE",
            Self::Deleter => "VERWALTUNG_LOESCHEN",
            Self::SinglePointOfContact => "EINHEITLICHER_ANSPRECHPARTNER",
            Self::Administrator => "ADMIN_ADMIN",
            Self::DataProtection => "DATENBEAUFTRAGUNG",
            Self::Operations => "BETRIEB",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// What can be allowed. Case work is further bound to org units and states, see [`Principal::reach`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See cases and their content.
    ReadCases,
    /// Accept, start work, put back, discard, fetch back, comment.
    WorkOnCases,
    /// Put somebody in charge.
    AssignCases,
    /// See the clearing tray.
    ReadClearing,
    /// See the supervision tree, queues and metrics.
    ReadOperations,
}

/// How far a permission on cases goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Cases of the principal's own org units.
    OwnUnits,
    /// New cases of the whole tenant.
    NewOfTenant,
    /// Every case of the tenant.
    Tenant,
    /// Not about cases.
    Elsewhere,
}

/// What each role may do, and how far. From the glossary's role table.
#[rustfmt::skip]
const GRANTS: &[(Role, Permission, Scope)] = &[
    (Role::Caseworker,           Permission::ReadCases,      Scope::OwnUnits),
    (Role::Caseworker,           Permission::WorkOnCases,    Scope::OwnUnits),
    (Role::Caseworker,           Permission::AssignCases,    Scope::OwnUnits),
    (Role::Mailroom,             Permission::ReadCases,      Scope::NewOfTenant),
    (Role::Mailroom,             Permission::AssignCases,    Scope::NewOfTenant),
    (Role::Mailroom,             Permission::ReadClearing,   Scope::Elsewhere),
    (Role::Deleter,              Permission::ReadCases,      Scope::OwnUnits),
    (Role::Deleter,              Permission::WorkOnCases,    Scope::OwnUnits),
    (Role::Deleter,              Permission::AssignCases,    Scope::OwnUnits),
    (Role::SinglePointOfContact, Permission::ReadCases,      Scope::Tenant),
    (Role::Operations,           Permission::ReadOperations, Scope::Elsewhere),
];

/// How far a principal reaches with one permission on cases: the union of what the roles grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// Every case of the tenant.
    pub tenant: bool,
    /// Cases that nobody has accepted yet, in every unit.
    pub new_of_tenant: bool,
    /// Cases of the own org units.
    pub own_units: bool,
}

/// A signed-in person in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who it is.
    pub user: UserId,
    /// How colleagues read it.
    pub name: String,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Where it may do it.
    pub org_units: BTreeSet<OrgUnitId>,
}

impl Principal {
    /// Whether any role grants this permission at all.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.grants(permission).next().is_some()
    }

    /// How far this permission goes.
    #[must_use]
    pub fn reach(&self, permission: Permission) -> Reach {
        self.grants(permission).fold(Reach::default(), |mut reach, scope| {
            match scope {
                Scope::Tenant => reach.tenant = true,
                Scope::NewOfTenant => reach.new_of_tenant = true,
                Scope::OwnUnits => reach.own_units = true,
                Scope::Elsewhere => {}
            }
            reach
        })
    }

    /// Whether this permission covers a case of this unit. A case without a unit belongs to the mailroom.
    #[must_use]
    pub fn reaches(&self, permission: Permission, unit: Option<&OrgUnitId>, is_new: bool) -> bool {
        let reach = self.reach(permission);
        let own = unit.is_some_and(|unit| self.org_units.contains(unit));
        reach.tenant || (reach.new_of_tenant && is_new) || (reach.own_units && own)
    }

    fn grants(&self, permission: Permission) -> impl Iterator<Item = Scope> + '_ {
        let granted = move |(role, what, scope): &(Role, Permission, Scope)| {
            (*what == permission && self.roles.contains(role)).then_some(*scope)
        };
        GRANTS.iter().filter_map(granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(role: Role, units: &[&str]) -> Principal {
        Principal {
            user: "erika".parse().expect("valid"),
            name: "Erika Muster".into(),
            roles: [role].into(),
            org_units: units.iter().map(|unit| unit.parse().expect("valid")).collect(),
        }
    }

    fn unit(id: &str) -> Option<OrgUnitId> {
        id.parse().ok()
    }

    #[test]
    fn a_caseworker_sees_cases_of_the_own_units_only() {
        let erika = principal(Role::Caseworker, &["32"]);
        assert!(erika.reaches(Permission::ReadCases, unit("32").as_ref(), false));
        assert!(!erika.reaches(Permission::ReadCases, unit("33").as_ref(), true));
        assert!(!erika.reaches(Permission::ReadCases, None, true));
    }

    #[test]
    fn the_mailroom_sees_what_is_new_and_works_on_nothing() {
        let rita = principal(Role::Mailroom, &[]);
        assert!(rita.reaches(Permission::ReadCases, unit("33").as_ref(), true));
        assert!(!rita.reaches(Permission::ReadCases, unit("33").as_ref(), false));
        assert!(!rita.may(Permission::WorkOnCases));
    }

    #[test]
    fn operators_administrators_and_data_protection_see_no_case() {
        for role in [Role::Administrator, Role::DataProtection, Role::Operations] {
            assert!(!principal(role, &["32"]).may(Permission::ReadCases), "{role:?}");
        }
    }

    #[test]
    fn every_role_has_one_name() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
        }
    }
}
