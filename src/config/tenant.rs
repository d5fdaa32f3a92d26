//! `[[tenant]]`: a municipality, its hosts, its key, its org units, and the rules that find the responsible one.

use std::path::PathBuf;

use ozg_protocols::ids::{DestinationId, OrgUnitId, TenantSlug};

use super::{
    address::HostName,
    destination::Destination,
    mapping::Mapping,
    reader::{Section, Setting, Surroundings},
    secret::SecretPlace,
    words::parsed,
};

/// One tenant (Mandant).
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its short name: the directory of its data, and never changed.
    pub slug: TenantSlug,
    /// How people read it.
    pub name: String,
    /// The hosts by which it is found; the first one is used in links.
    pub hosts: Vec<HostName>,
    /// The key that wraps the keys of its data; made by `tenant init`.
    pub key_file: SecretPlace,
    /// What its case numbers begin with.
    pub number_prefix: String,
    /// A directory of JSON schemas that form data are checked against.
    pub data_schemas: Option<PathBuf>,
    /// Its org units (Organisationseinheiten).
    pub org_units: Vec<OrgUnit>,
    /// Which org unit is responsible; the first route that fits counts.
    pub routes: Vec<Route>,
    /// What is where in the forms.
    pub mappings: Vec<Mapping>,
    /// Its destinations (Zustellpunkte) at FIT-Connect.
    pub destinations: Vec<Destination>,
}

/// A department inside a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgUnit {
    /// Its number.
    pub id: OrgUnitId,
    /// Its name.
    pub name: String,
}

/// One row of the routing table. A condition that is missing always fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The beginning of the service key.
    pub service: Option<KeyPrefix>,
    /// The beginning of the region key.
    pub region: Option<KeyPrefix>,
    /// The destination it came by.
    pub destination: Option<DestinationId>,
    /// Who is responsible then.
    pub org_unit: OrgUnitId,
}

/// The beginning of an official key: 1 to 14 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for KeyPrefix {
    const EXPECTED: &'static str = "der Anfang eines amtlichen Schlüssels, 1 bis 14 Ziffern in Anführungszeichen";

    fn read(text: &str, _: &Surroundings) -> Option<Self> {
        let valid = (1..=14).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
        valid.then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// What case numbers begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NumberPrefix(String);

impl std::fmt::Display for NumberPrefix {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::str::FromStr for NumberPrefix {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let valid = (1..=12).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        if valid { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

parsed! {
    NumberPrefix: "1 bis 12 Buchstaben (ohne Umlaute), Ziffern oder Bindestriche",
}

impl Tenant {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let slug = section.required("slug");
        let name = section.required("name");
        let hosts = section.list("hosts");
        if hosts.is_empty() {
            section.refuse("hosts", "fehlt; es muss mindestens ein Rechnername sein (`[\"musterstadt.example\"]`)");
        }
        let key_file = section.required("key_file");
        let NumberPrefix(number_prefix) = section.or("number_prefix", NumberPrefix("V".to_owned()));
        let data_schemas = section.optional("data_schemas");
        let org_units = section.sections("org_unit", OrgUnit::read);
        let routes = section.sections("route", Route::read);
        let mappings = section.sections("mapping", Mapping::read);
        let destinations = section.sections("destination", Destination::read);
        section.finish();
        Some(Self {
            slug: slug?,
            name: name?,
            hosts,
            key_file: key_file?,
            number_prefix,
            data_schemas,
            org_units,
            routes,
            mappings,
            destinations,
        })
    }
}

impl OrgUnit {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let (id, name) = (section.required("id"), section.required("name"));
        section.finish();
        Some(Self { id: id?, name: name? })
    }
}

impl Route {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let service = section.optional("service");
        let region = section.optional("region");
        let destination = section.optional("destination");
        let org_unit = section.required("org_unit");
        section.finish();
        Some(Self { service, region, destination, org_unit: org_unit? })
    }
}
