//! Reading a JSON document by rules: every violation is noted with its place, none stops the reading.

use std::{cell::RefCell, fmt};

use serde_json::{Map, Value};
use uuid::Uuid;

/// Most violations that are noted; more would tell nobody more.
const MOST: usize = 100;

/// A rule of the schema that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// A required member is not there.
    #[error("fehlt")]
    Missing,
    /// Not of this type.
    #[error("hat den falschen Typ, erwartet: {0}")]
    Type(&'static str),
    /// Not one of the allowed values.
    #[error("hat keinen der erlaubten Werte")]
    Value,
    /// Not written as it should be.
    #[error("hat nicht die vorgeschriebene Form")]
    Form,
    /// Too short, too long, too few or too many.
    #[error("hat nicht die vorgeschriebene Länge oder Anzahl")]
    Size,
    /// There twice.
    #[error("enthält einen Eintrag doppelt")]
    Double,
    /// A member that is not allowed.
    #[error("enthält ein Feld, das hier nicht erlaubt ist")]
    NotAllowed,
}

/// A broken rule and its place. What stands there is never repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901) to the place, made of names that the schema knows and of numbers.
    pub pointer: String,
    /// The rule.
    pub rule: Rule,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.pointer, self.rule)
    }
}

/// The violations found so far.
#[derive(Default)]
pub(super) struct Found(RefCell<Vec<Violation>>);

impl Found {
    pub(super) fn into_inner(self) -> Vec<Violation> {
        self.0.into_inner()
    }
}

/// A place in the document.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) value: &'a Value,
    path: Path<'a>,
    found: &'a Found,
}

#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Path<'_> {
    fn write(&self, pointer: &mut String) {
        match self {
            Path::Root => {}
            Path::Member(parent, name) => {
                parent.path.write(pointer);
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Path::Item(parent, at) => {
                parent.path.write(pointer);
                pointer.push('/');
                pointer.push_str(&at.to_string());
            }
        }
    }
}

impl<'a> Place<'a> {
    pub(super) fn root(value: &'a Value, found: &'a Found) -> Self {
        Self { value, path: Path::Root, found }
    }

    /// Notes a violation here.
    pub(super) fn breaks<T>(&self, rule: Rule) -> Option<T> {
        self.note(&self.path, rule);
        None
    }

    fn note(&self, path: &Path<'_>, rule: Rule) {
        let mut found = self.found.0.borrow_mut();
        if found.len() < MOST {
            let mut pointer = String::new();
            path.write(&mut pointer);
            found.push(Violation { pointer, rule });
        }
    }

    pub(super) fn members(&self) -> Option<&'a Map<String, Value>> {
        self.value.as_object().or_else(|| self.breaks(Rule::Type("object")))
    }

    /// The member of this name; it may be absent.
    pub(super) fn optional<T>(&'a self, name: &'a str, read: impl FnOnce(&Place<'_>) -> Option<T>) -> Option<T> {
        let value = self.value.get(name)?;
        read(&Place { value, path: Path::Member(self, name), found: self.found })
    }

    /// The member of this name; it must be there.
    pub(super) fn required<T>(&'a self, name: &'a str, read: impl FnOnce(&Place<'_>) -> Option<T>) -> Option<T> {
        if self.value.get(name).is_none() {
            self.note(&Path::Member(self, name), Rule::Missing);
            return None;
        }
        self.optional(name, read)
    }

    /// A member that nobody knows must not be there. It is the sender who has named it: the name is not repeated.
    pub(super) fn only(&self, known: &[&str]) {
        if self.value.as_object().is_some_and(|members| members.keys().any(|name| !known.contains(&name.as_str()))) {
            self.note(&self.path, Rule::NotAllowed);
        }
    }

    /// The items of a list; an item that breaks a rule is left out.
    pub(super) fn items<T>(&'a self, mut read: impl FnMut(&Place<'_>) -> Option<T>) -> Option<Vec<T>> {
        let items = self.value.as_array().or_else(|| self.breaks(Rule::Type("array")))?;
        let item = |(at, value)| read(&Place { value, path: Path::Item(self, at), found: self.found });
        Some(items.iter().enumerate().filter_map(item).collect())
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.breaks(Rule::Type("string")))
    }

    /// A text for which this holds.
    pub(super) fn formed(&self, holds: impl FnOnce(&str) -> bool) -> Option<String> {
        let text = self.text()?;
        if holds(text) { Some(text.to_owned()) } else { self.breaks(Rule::Form) }
    }

    /// A text of this many characters.
    pub(super) fn sized(&self, sizes: std::ops::RangeInclusive<usize>) -> Option<String> {
        let text = self.text()?;
        if sizes.contains(&text.chars().count()) { Some(text.to_owned()) } else { self.breaks(Rule::Size) }
    }

    /// One of these texts.
    pub(super) fn one_of<T: Copy>(&self, values: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let value = values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        value.or_else(|| self.breaks(Rule::Value))
    }

    /// One of these texts, kept as it is.
    pub(super) fn among(&self, values: &[&str]) -> Option<String> {
        let text = self.text()?;
        if values.contains(&text) { Some(text.to_owned()) } else { self.breaks(Rule::Value) }
    }
}

/// Any text.
pub(super) fn owned(place: &Place<'_>) -> Option<String> {
    place.text().map(ToOwned::to_owned)
}

/// `true` or `false`.
pub(super) fn boolean(place: &Place<'_>) -> Option<bool> {
    place.value.as_bool().or_else(|| place.breaks(Rule::Type("boolean")))
}

/// A UUID in its usual spelling.
pub(super) fn uuid(place: &Place<'_>) -> Option<Uuid> {
    let text = place.text()?;
    let uuid = if text.len() == 36 { Uuid::try_parse(text).ok() } else { None };
    uuid.or_else(|| place.breaks(Rule::Form))
}
