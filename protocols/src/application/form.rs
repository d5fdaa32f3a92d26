//! What was filled in: a tree of named values. Where it comes from is the business of [`crate::forms`].

use serde::{Deserialize, Serialize};

use super::SignatureNote;

/// The filled-in form.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Form {
    /// The form's id at its vendor (`formId`).
    pub id: Option<String>,
    /// The form's name (`control.name`).
    pub name: Option<String>,
    /// The schema its data say they follow.
    pub schema: Option<String>,
    /// Whether that schema was checked.
    pub check: DataCheck,
    /// The values, in the order of the form.
    pub items: Vec<FormItem>,
    /// The media type of its data.
    pub media_type: Option<String>,
    /// SHA-512 of its data as sent; empty where the channel knows none.
    #[serde(with = "serde_bytes")]
    pub sha512: Vec<u8>,
    /// The signature that the sender says its data carry; nobody has checked it.
    pub signature: Option<SignatureNote>,
}

/// What is known about the data against their schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DataCheck {
    /// The installed schema accepts them.
    Valid,
    /// No schema is installed ("ungeprüft").
    #[default]
    Unchecked,
}

/// One named value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormItem {
    /// Its name in the data.
    pub name: String,
    /// Its label on the form, where the form has one.
    pub label: Option<String>,
    /// What was filled in.
    pub value: FormValue,
}

/// What was filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FormValue {
    /// Nothing.
    Empty,
    /// Words.
    Text(String),
    /// A decimal number, digit for digit as sent.
    Number(String),
    /// A calendar day (`yyyy-MM-dd`), as sent.
    Date(String),
    /// Yes or no.
    Flag(bool),
    /// A group of values.
    Group(Vec<FormItem>),
}

impl FormItem {
    /// The label, or the name where there is none.
    #[must_use]
    pub fn heading(&self) -> &str {
        self.label.as_deref().filter(|label| !label.trim().is_empty()).unwrap_or(&self.name)
    }
}

impl Form {
    /// Calls `visit` with every value that is not a group, in order.
    pub fn for_each_value<'f>(&'f self, visit: &mut dyn FnMut(&'f FormItem)) {
        fn walk<'f>(items: &'f [FormItem], visit: &mut dyn FnMut(&'f FormItem)) {
            for item in items {
                match &item.value {
                    FormValue::Group(children) => walk(children, visit),
                    _ => visit(item),
                }
            }
        }
        walk(&self.items, visit);
    }
}
