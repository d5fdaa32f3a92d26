//! `[[tenant]]`: a municipality, its hosts, its key, its org units, and the rules that find the responsible one.

use std::path::PathBuf;

use ozg_protocols::{
    forms::Mapping,
    ids::{OrgUnitId, TenantSlug},
    routing::RoutingRule,
};

use super::{
    address::HostName,
    destination::Destination,
    reader::{Section, Setting, Surroundings},
    secret::SecretPlace,
    table,
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
    /// XML schemas that form data are checked against.
    pub xml_schemas: Vec<XmlSchemaFile>,
    /// Its org units (Organisationseinheiten).
    pub org_units: Vec<OrgUnit>,
    /// Which org unit is responsible; the first rule that fits counts.
    pub routes: Vec<RoutingRule>,
    /// Where in which form the applicant stands.
    pub mappings: Vec<Mapping>,
    /// Its destinations (Zustellpunkte) at FIT-Connect.
    pub destinations: Vec<Destination>,
}

/// An XML schema and the data that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlSchemaFile {
    /// The `schemaUri` that senders name.
    pub uri: String,
    /// The XSD; what it includes lies beside it or below.
    pub file: PathBuf,
}

/// A department inside a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgUnit {
    /// Its number.
    pub id: OrgUnitId,
    /// Its name.
    pub name: String,
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
        let xml_schemas = section.sections("xml_schema", XmlSchemaFile::read);
        let org_units = section.sections("org_unit", OrgUnit::read);
        let routes = section.sections("route", table::row);
        let mappings = section.sections("mapping", table::row);
        let destinations = section.sections("destination", Destination::read);
        section.finish();
        Some(Self {
            slug: slug?,
            name: name?,
            hosts,
            key_file: key_file?,
            number_prefix,
            data_schemas,
            xml_schemas,
            org_units,
            routes,
            mappings,
            destinations,
        })
    }
}

impl XmlSchemaFile {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let (uri, file) = (section.required("uri"), section.required("file"));
        section.finish();
        Some(Self { uri: uri?, file: file? })
    }
}

impl OrgUnit {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let (id, name) = (section.required("id"), section.required("name"));
        section.finish();
        Some(Self { id: id?, name: name? })
    }
}
