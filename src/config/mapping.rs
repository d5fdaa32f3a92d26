//! `[[tenant.mapping]]`: where in the form data of one `schemaUri` the applicant stands, and what the fields are called.
//!
//! Rows of data, dated: the youngest one that is valid on the day of delivery counts. What is named here becomes the
//! applicant of the application; what is not stays in the form's tree.

use std::fmt;

use jiff::civil::Date;

use super::reader::{Section, Setting, Surroundings};

/// A JSON pointer (RFC 6901) into form data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonPointer(String);

impl JsonPointer {
    /// The pointer as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Setting for JsonPointer {
    const EXPECTED: &'static str = "ein JSON-Zeiger nach RFC 6901 (`/antragsteller/nachname`)";

    fn read(text: &str, _: &Surroundings) -> Option<Self> {
        let escapes = text.match_indices('~').all(|(at, _)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1')));
        (text.starts_with('/') && text.len() <= 1000 && escapes).then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// One mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The `schemaUri` it is for.
    pub schema_uri: String,
    /// The first day it is valid.
    pub valid_from: Date,
    /// What the form is called.
    pub title: Option<String>,
    /// Where a citizen stands.
    pub person: Option<PersonPointers>,
    /// Where an organisation stands; found first, it is the applicant.
    pub organisation: Option<OrganisationPointers>,
    /// Where the address of either stands.
    pub contact: ContactPointers,
    /// What single fields are called.
    pub labels: Vec<(JsonPointer, String)>,
}

/// Declares a struct of optional pointers and how its section is read: one key per field.
macro_rules! pointers {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<JsonPointer>,)*
        }

        impl $name {
            fn read(mut section: Section<'_>) -> Self {
                let read = Self { $($field: section.optional(stringify!($field)),)* };
                section.finish();
                read
            }
        }
    };
}

pointers! {
    /// Where a citizen stands in the form.
    PersonPointers {
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

pointers! {
    /// Where an organisation stands in the form.
    OrganisationPointers {
        /// Its name.
        name,
        /// Its legal form.
        legal_form,
        /// Its entry in a register.
        register_entry,
        /// Who acts for it.
        represented_by,
    }
}

pointers! {
    /// Where the ways to reach the applicant stand in the form.
    ContactPointers {
        /// Street.
        street,
        /// House number.
        house_number,
        /// Further lines of the address.
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

impl Mapping {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let schema_uri = section.required("schema_uri");
        let valid_from = section.required("valid_from");
        let title = section.optional("title");
        let person = PersonPointers::read(section.section("person"));
        let organisation = OrganisationPointers::read(section.section("organisation"));
        let contact = ContactPointers::read(section.section("contact"));
        let labels = section.pairs("labels");
        section.finish();
        Some(Self {
            schema_uri: schema_uri?,
            valid_from: valid_from?,
            title,
            person: (person != PersonPointers::default()).then_some(person),
            organisation: (organisation != OrganisationPointers::default()).then_some(organisation),
            contact,
            labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_as_rfc_6901_says() {
        let valid = |text: &str| JsonPointer::read(text, &Surroundings::default()).is_some();
        assert!(valid("/a~1b/0/c~0d"));
        for wrong in ["a", "", "/a~", "/a~2"] {
            assert!(!valid(wrong), "{wrong}");
        }
    }
}
