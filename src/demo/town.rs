//! What the demo town is: its tenants, their org units, destinations and accounts, as tables.

use ozg_protocols::{ids::DestinationId, principal::Role};

use ozg_protocols::fit_connect::api::ApiVersion;

/// A tenant of the demo.
#[derive(Debug)]
pub(super) struct DemoTenant {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) prefix: &'static str,
    pub(super) org_units: &'static [(&'static str, &'static str)],
    pub(super) destinations: &'static [DemoDestination],
}

/// A destination of a tenant. Its label names its files.
#[derive(Debug)]
pub(super) struct DemoDestination {
    pub(super) label: &'static str,
    pub(super) name: &'static str,
    pub(super) version: ApiVersion,
    number: u8,
}

const ORG_UNITS: &[(&str, &str)] = &[
    ("gewerbe", "Gewerbeamt"),
    ("verkehr", "Straßenverkehrsamt"),
    ("steuern", "Steueramt"),
    ("buergerbuero", "Bürgerbüro"),
];

/// The tenants.
pub(super) const TENANTS: &[DemoTenant] = &[
    DemoTenant {
        slug: "musterstadt",
        name: "Stadt Musterstadt",
        prefix: "MUS",
        org_units: ORG_UNITS,
        destinations: &[
            DemoDestination { label: "musterstadt", name: "Stadt Musterstadt", version: ApiVersion::V2, number: 1 },
            DemoDestination {
                label: "musterstadt-alt",
                name: "Stadt Musterstadt, ältere Onlinedienste",
                version: ApiVersion::V1,
                number: 2,
            },
        ],
    },
    DemoTenant {
        slug: "kleinau",
        name: "Gemeinde Kleinau",
        prefix: "KLE",
        org_units: ORG_UNITS,
        destinations: &[DemoDestination {
            label: "kleinau",
            name: "Gemeinde Kleinau",
            version: ApiVersion::V2,
            number: 3,
        }],
    },
];

/// The password of every account of the demo.
pub const PASSWORD: &str = "musterstadt-2026";

/// An account of the demo; every tenant has all of them.
#[derive(Debug)]
pub struct Account {
    /// What it signs in with.
    pub user: &'static str,
    /// How colleagues read it.
    pub name: &'static str,
    /// What it may do.
    pub roles: &'static [Role],
    /// Where.
    pub org_units: &'static [&'static str],
    /// Who it is, for the demo's greeting.
    pub what: &'static str,
}

/// The accounts.
pub const ACCOUNTS: &[Account] = &[
    Account {
        user: "emil",
        name: "Emil Ansbach",
        roles: &[Role::Caseworker],
        org_units: &["gewerbe", "verkehr", "steuern", "buergerbuero"],
        what: "Sachbearbeitung aller Ämter",
    },
    Account {
        user: "selma",
        name: "Selma Yıldız",
        roles: &[Role::Caseworker],
        org_units: &["gewerbe"],
        what: "Sachbearbeitung Gewerbeamt",
    },
    Account {
        user: "rita",
        name: "Rita Kolb",
        roles: &[Role::Mailroom],
        org_units: &[],
        what: "Poststelle: neue Vorgänge und Klärungsfälle",
    },
    Account {
        user: "otto",
        name: "Otto Brandt",
        roles: &[Role::Operations],
        org_units: &[],
        what: "Betrieb: Aufsichtsbaum und Kennzahlen, keine Vorgänge",
    },
];

impl DemoTenant {
    /// The file of its key, from the directory of the demo.
    pub(super) fn key_file(&self) -> String {
        format!("schluessel/{}.key", self.slug)
    }

    /// Its host.
    pub(super) fn host(&self) -> String {
        format!("{}.localhost", self.slug)
    }

    /// Where browsers find it.
    pub(super) fn address(&self, port: u16) -> String {
        format!("http://{}:{port}", self.host())
    }
}

impl DemoDestination {
    /// Its id: the same in every demo town.
    pub(super) const fn id(&self) -> DestinationId {
        DestinationId::from_random([self.number; 16])
    }
}
