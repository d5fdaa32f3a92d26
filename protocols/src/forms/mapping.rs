//! What in a form tree is the applicant: tables per schema URI, dated, as an operator writes them (decision 12).
//!
//! A mapping names paths; it computes nothing. Where none of its paths leads to words the applicant stays unknown: a
//! caseworker sees the tree and "nicht erkannt", never a guess.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::path::Path;
use crate::{
    application::{Address, Applicant, Contact, FormItem, LegalPerson, NaturalPerson, PostboxAddress, PostboxKind},
    moment::{Moment, start_of_day},
};

/// How the data of one schema are read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The schema URI that the data say they follow.
    pub schema_uri: String,
    /// The day from which on it holds (`2026-01-01`); a later mapping of the same schema replaces it from its own day on.
    #[serde(deserialize_with = "start_of_day")]
    pub valid_from: Moment,
    /// The shape of the data.
    #[serde(default)]
    pub shape: Shape,
    /// The name of the form, where the data hold none.
    #[serde(default)]
    pub form_name: Option<String>,
    /// Where a citizen stands.
    #[serde(default)]
    pub natural: NaturalPaths,
    /// Where an organisation stands. It goes before a citizen when its name is filled in.
    #[serde(default)]
    pub legal: LegalPaths,
    /// How to reach either.
    #[serde(default)]
    pub contact: ContactPaths,
    /// The applicant's postbox.
    #[serde(default)]
    pub postbox: Option<PostboxPaths>,
    /// Labels of values that have none in the data.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The shape of form data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Whatever the document is.
    #[default]
    Plain,
    /// [`super::ozg_cloud`].
    OzgCloud,
}

macro_rules! paths {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<Path>,)*
        }
    };
}

paths! {
    /// Paths to a citizen; the fields are those of [`NaturalPerson`].
    NaturalPaths {
        /// Anrede.
        salutation,
        /// Doctor's degree.
        title,
        /// Given names.
        given_names,
        /// Family name.
        family_name,
        /// Name at birth.
        birth_name,
        /// Date of birth.
        birth_date,
        /// Place of birth.
        birth_place,
    }
}

paths! {
    /// Paths to an organisation; the fields are those of [`LegalPerson`].
    LegalPaths {
        /// Its name.
        name,
        /// Its legal form.
        legal_form,
        /// Its entry in a public register.
        register_entry,
        /// The person who acts for it.
        represented_by,
    }
}

paths! {
    /// Paths to ways of reaching the applicant; the fields are those of [`Contact`] and [`Address`].
    ContactPaths {
        /// Street.
        street,
        /// House number.
        house_number,
        /// Further lines.
        addition,
        /// Postal code.
        postal_code,
        /// Town.
        town,
        /// Country.
        country,
        /// E-mail address.
        email,
        /// Telephone number.
        phone,
    }
}

/// Where a postbox address stands, and of which service account it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostboxPaths {
    /// `OSI`, `BAYERN_ID`, `BUND_ID`, `MUK`, or any other name.
    pub account: String,
    /// Its address.
    pub identifier: Path,
    /// Kind of holder.
    #[serde(default)]
    pub holder: Option<Path>,
    /// Trust level.
    #[serde(default)]
    pub trust_level: Option<Path>,
}

/// All mappings of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mappings(Vec<Mapping>);

impl Mappings {
    /// These mappings, in any order.
    #[must_use]
    pub fn new(mut mappings: Vec<Mapping>) -> Self {
        mappings.sort_by_key(|mapping| mapping.valid_from);
        Self(mappings)
    }

    /// The mapping of a schema that holds at this moment.
    #[must_use]
    pub fn find(&self, schema_uri: &str, at: Moment) -> Option<&Mapping> {
        self.0.iter().rev().find(|mapping| mapping.schema_uri == schema_uri && mapping.valid_from <= at)
    }
}

impl Mapping {
    /// Who applies, according to this tree.
    #[must_use]
    pub fn applicant(&self, items: &[FormItem]) -> Option<Applicant> {
        let text = |path: &Option<Path>| path.as_ref().and_then(|path| path.text(items));
        let postbox = self.postbox.as_ref().and_then(|paths| paths.read(items));
        let contact = self.contact.read(items);
        let legal = &self.legal;
        if let Some(name) = text(&legal.name) {
            return Some(Applicant::Legal(LegalPerson {
                name: Some(name),
                legal_form: text(&legal.legal_form),
                register_entry: text(&legal.register_entry),
                represented_by: text(&legal.represented_by),
                contact,
                postbox,
            }));
        }
        let natural = &self.natural;
        let person = NaturalPerson {
            salutation: text(&natural.salutation),
            title: text(&natural.title),
            given_names: text(&natural.given_names),
            family_name: text(&natural.family_name),
            birth_name: text(&natural.birth_name),
            birth_date: text(&natural.birth_date),
            birth_place: text(&natural.birth_place),
            contact,
            postbox,
        };
        (person != NaturalPerson::default()).then_some(Applicant::Natural(person))
    }

    /// Puts the labels of this mapping on values that have none.
    pub fn label(&self, items: &mut [FormItem]) {
        for (path, label) in &self.labels {
            let Ok(path) = path.parse::<Path>() else { continue };
            if let Some(item) = path.find_mut(items).filter(|item| item.label.is_none()) {
                item.label = Some(label.clone());
            }
        }
    }
}

impl ContactPaths {
    fn read(&self, items: &[FormItem]) -> Contact {
        let text = |path: &Option<Path>| path.as_ref().and_then(|path| path.text(items));
        let address = Address {
            street: text(&self.street),
            house_number: text(&self.house_number),
            addition: text(&self.addition),
            postal_code: text(&self.postal_code),
            town: text(&self.town),
            country: text(&self.country),
        };
        let address = (address != Address::default()).then_some(address);
        Contact { address, email: text(&self.email), phone: text(&self.phone) }
    }
}

impl PostboxPaths {
    fn read(&self, items: &[FormItem]) -> Option<PostboxAddress> {
        let kind = match self.account.as_str() {
            "OSI" => PostboxKind::Osi,
            "BAYERN_ID" => PostboxKind::BayernId,
            "BUND_ID" => PostboxKind::BundId,
            "MUK" => PostboxKind::BusinessAccount,
            other => PostboxKind::Other(other.to_owned()),
        };
        Some(PostboxAddress {
            kind,
            identifier: self.identifier.text(items)?,
            holder: self.holder.as_ref().and_then(|path| path.text(items)),
            trust_level: self.trust_level.as_ref().and_then(|path| path.text(items)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::json;

    fn mapping(extra: &serde_json::Value) -> Mapping {
        let mut mapping = serde_json::json!({ "schema_uri": "urn:x:y", "valid_from": "2026-01-01" });
        let members = mapping.as_object_mut().expect("an object");
        members.extend(extra.as_object().cloned().expect("an object"));
        serde_json::from_value(mapping).expect("a mapping")
    }

    fn company() -> Mapping {
        mapping(&serde_json::json!({
            "legal": { "name": "/firma" }, "natural": { "family_name": "/person/nachname" },
            "contact": { "town": "/person/ort" }, "labels": { "/person/ort": "Wohnort" },
        }))
    }

    #[test]
    fn an_organisation_with_a_name_goes_before_a_citizen() {
        let items = json::parse(br#"{"firma":"Nord GmbH","person":{"nachname":"Sommer"}}"#).expect("JSON");
        let applicant = company().applicant(&items).expect("an applicant");
        assert_eq!(applicant.display_name().as_deref(), Some("Nord GmbH"));
    }

    #[test]
    fn a_citizen_is_found_where_no_organisation_is_named() {
        let items = json::parse(br#"{"firma":" ","person":{"nachname":"Sommer","ort":"Kiel"}}"#).expect("JSON");
        let applicant = company().applicant(&items).expect("an applicant");
        let town = applicant.contact().address.as_ref().and_then(|address| address.town.as_deref());
        assert_eq!((applicant.display_name().as_deref(), town), (Some("Sommer"), Some("Kiel")));
    }

    #[test]
    fn where_no_path_leads_to_words_nobody_is_guessed() {
        let items = json::parse(br#"{"name":"Sommer"}"#).expect("JSON");
        assert_eq!(company().applicant(&items), None);
    }

    #[test]
    fn labels_are_put_on_values_that_have_none() {
        let mut items = json::parse(br#"{"person":{"ort":"Kiel"}}"#).expect("JSON");
        company().label(&mut items);
        let path: Path = "/person/ort".parse().expect("a path");
        assert_eq!(path.find(&items).expect("there").heading(), "Wohnort");
    }

    #[test]
    fn the_mapping_of_the_day_is_used() {
        let day = |text: &str| mapping(&serde_json::json!({ "valid_from": text, "form_name": text }));
        let mappings = Mappings::new(vec![day("2026-07-01"), day("2026-01-01")]);
        let name = |at| mappings.find("urn:x:y", at).and_then(|found| found.form_name.clone());
        let june = Moment::from_day("2026-06-30").expect("a day");
        assert_eq!(name(june).as_deref(), Some("2026-01-01"));
        assert_eq!(name(Moment::from_day("2026-07-01").expect("a day")).as_deref(), Some("2026-07-01"));
        assert_eq!(name(Moment::from_day("2025-12-31").expect("a day")), None);
    }
}
