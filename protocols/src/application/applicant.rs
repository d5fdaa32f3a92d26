//! Who applies: a natural or a legal person, how to reach them, and the postbox their answer goes to.

use serde::{Deserialize, Serialize};

/// Somebody who applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applicant {
    /// A citizen.
    Natural(NaturalPerson),
    /// A company, an association, a public body.
    Legal(LegalPerson),
}

/// A citizen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NaturalPerson {
    /// Anrede as sent.
    pub salutation: Option<String>,
    /// Doctor's degree as sent.
    pub title: Option<String>,
    /// Given names.
    pub given_names: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Name at birth.
    pub birth_name: Option<String>,
    /// Date of birth as sent, ISO 8601 where the sender keeps to it.
    pub birth_date: Option<String>,
    /// Place of birth.
    pub birth_place: Option<String>,
    /// How to reach them.
    pub contact: Contact,
    /// The postbox for answers.
    pub postbox: Option<PostboxAddress>,
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LegalPerson {
    /// Its name.
    pub name: Option<String>,
    /// Its legal form, for example `GmbH`.
    pub legal_form: Option<String>,
    /// Its entry in a public register.
    pub register_entry: Option<String>,
    /// The person who acts for it.
    pub represented_by: Option<String>,
    /// How to reach it.
    pub contact: Contact,
    /// The postbox for answers.
    pub postbox: Option<PostboxAddress>,
}

/// How to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contact {
    /// Postal address.
    pub address: Option<Address>,
    /// E-mail address as sent.
    pub email: Option<String>,
    /// Telephone number as sent.
    pub phone: Option<String>,
}

/// A postal address as sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Address {
    /// Street.
    pub street: Option<String>,
    /// House number.
    pub house_number: Option<String>,
    /// Further lines.
    pub addition: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town.
    pub town: Option<String>,
    /// Country as sent.
    pub country: Option<String>,
}

/// Where messages to the applicant go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostboxAddress {
    /// The service account it belongs to.
    pub kind: PostboxKind,
    /// The address there (`identifier`, `mailboxUuid`, `accountId`).
    pub identifier: String,
    /// Kind of holder as sent (`Citizen`, `unternehmen`, …); senders do not agree on the words.
    pub holder: Option<String>,
    /// Trust level as sent; case and words vary (`STORK-QAA-Level-1`, `Keine Angaben`).
    pub trust_level: Option<String>,
}

/// A service account (Servicekonto).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostboxKind {
    /// OSI (Schleswig-Holstein, Dataport).
    Osi,
    /// BayernID.
    BayernId,
    /// BundID (ZBP).
    BundId,
    /// Mein Unternehmenskonto (ELSTER).
    BusinessAccount,
    /// FINK.
    Fink,
    /// Any other, by the name it was sent with.
    Other(String),
}

impl Applicant {
    /// How lists name the applicant; `None` when no name was sent.
    #[must_use]
    pub fn display_name(&self) -> Option<String> {
        match self {
            Self::Natural(person) => {
                let parts = [&person.title, &person.given_names, &person.family_name];
                joined(parts.into_iter().flatten().map(String::as_str))
            }
            Self::Legal(organisation) => joined(organisation.name.as_deref().into_iter()),
        }
    }

    /// How to reach the applicant.
    #[must_use]
    pub fn contact(&self) -> &Contact {
        match self {
            Self::Natural(person) => &person.contact,
            Self::Legal(organisation) => &organisation.contact,
        }
    }

    /// The postbox for answers.
    #[must_use]
    pub fn postbox(&self) -> Option<&PostboxAddress> {
        match self {
            Self::Natural(person) => person.postbox.as_ref(),
            Self::Legal(organisation) => organisation.postbox.as_ref(),
        }
    }
}

fn joined<'t>(parts: impl Iterator<Item = &'t str>) -> Option<String> {
    let name = parts.map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citizen_is_named_by_what_was_sent() {
        let person =
            NaturalPerson { family_name: Some("Öztürk".into()), title: Some(" ".into()), ..Default::default() };
        assert_eq!(Applicant::Natural(person).display_name().as_deref(), Some("Öztürk"));
    }

    #[test]
    fn an_applicant_without_a_name_has_none() {
        assert_eq!(Applicant::Legal(LegalPerson::default()).display_name(), None);
    }
}
