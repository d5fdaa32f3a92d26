//! Form data of any shape become one tree of named values, and a table says what in it is the applicant.
//!
//! bytes → [`json`] or [`xml`] → tree → ([`ozg_cloud`] where the data have that shape) → [`mapping`] → parts of an
//! [`Application`](crate::application::Application). Formats know nothing of channels; [`fit_connect`]
//! puts the pieces together for that one. Everything here is bounded: bytes, depth and number of values.

pub mod data_schema;
pub mod fit_connect;
pub mod json;
mod judgeable;
pub mod mapping;
pub mod ozg_cloud;
pub mod path;
pub mod xml;
pub mod xml_schema;

pub use fit_connect::{Composed, FitConnectParts, StoredFile, application_from_fit_connect};
pub use mapping::{Mapping, Mappings};

/// The longest form data in bytes that are looked at, and that compressed ones may become: as long as a whole answer of the
/// delivery service may be, so that both ways bound the same.
pub const LONGEST: usize = 16 * 1024 * 1024;
/// The deepest nesting that is followed.
pub const DEEPEST: usize = 48;
/// The most values and groups of one form.
pub const MOST_ITEMS: usize = 100_000;

/// Why data are no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormRefused {
    /// Longer than [`LONGEST`].
    #[error("the form data are longer than {LONGEST} bytes")]
    TooLong,
    /// Deeper than [`DEEPEST`].
    #[error("the form data are nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// More than [`MOST_ITEMS`] values.
    #[error("the form data hold more than {MOST_ITEMS} values")]
    TooMany,
    /// No well-formed JSON.
    #[error("the form data are no well-formed JSON")]
    NotJson,
    /// No well-formed XML.
    #[error("the form data are no well-formed XML")]
    NotXml,
    /// XML with a document type declaration, which could make it anything else.
    #[error("the form data declare a document type")]
    Doctype,
    /// Well-formed, but not of the shape that was promised.
    #[error("the form data do not have the shape of an OZG-Cloud form")]
    OtherShape,
}
