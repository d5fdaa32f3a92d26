//! A path into a form tree: the names from the root, as in a JSON pointer (RFC 6901): `/antragsteller/name`.
//!
//! `~1` stands for a slash in a name and `~0` for a tilde. Where siblings share a name, the last one is found, or the n-th
//! with `name[n]`, counted from one.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::application::{FormItem, FormValue};

/// Names from the root of a form tree to a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<String>);

/// A text that is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a path begins with a slash and names at least one value")]
pub struct InvalidPath;

impl std::str::FromStr for Path {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let names = text.strip_prefix('/').ok_or(InvalidPath)?;
        Ok(Self(names.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|name| write!(out, "/{}", name.replace('~', "~0").replace('/', "~1")))
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl Path {
    /// The item it leads to.
    #[must_use]
    pub fn find<'f>(&self, items: &'f [FormItem]) -> Option<&'f FormItem> {
        let (last, groups) = self.0.split_last()?;
        let siblings = groups.iter().try_fold(items, |items, name| match &child(items, name)?.value {
            FormValue::Group(children) => Some(children.as_slice()),
            _ => None,
        })?;
        child(siblings, last)
    }

    /// The item it leads to, to be changed.
    pub fn find_mut<'f>(&self, items: &'f mut [FormItem]) -> Option<&'f mut FormItem> {
        let (last, groups) = self.0.split_last()?;
        let siblings = groups.iter().try_fold(items, |items, name| {
            let at = position(items, name)?;
            match &mut items[at].value {
                FormValue::Group(children) => Some(children.as_mut_slice()),
                _ => None,
            }
        })?;
        let at = position(siblings, last)?;
        siblings.get_mut(at)
    }

    /// The words it leads to, trimmed; `None` when there are none. A flag has no words.
    #[must_use]
    pub fn text(&self, items: &[FormItem]) -> Option<String> {
        match &self.find(items)?.value {
            FormValue::Text(text) | FormValue::Number(text) | FormValue::Date(text) => {
                let text = text.trim();
                (!text.is_empty()).then(|| text.to_owned())
            }
            FormValue::Empty | FormValue::Flag(_) | FormValue::Group(_) => None,
        }
    }
}

fn child<'f>(items: &'f [FormItem], name: &str) -> Option<&'f FormItem> {
    items.get(position(items, name)?)
}

fn position(items: &[FormItem], name: &str) -> Option<usize> {
    let named = |name: &str| items.iter().rposition(|item| item.name == name);
    named(name).or_else(|| {
        let (name, number) = name.strip_suffix(']')?.split_once('[')?;
        let number: usize = number.parse().ok()?;
        let mut siblings = items.iter().enumerate().filter(|(_, item)| item.name == name);
        siblings.nth(number.checked_sub(1)?).map(|(at, _)| at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::{json, xml};

    fn path(text: &str) -> Path {
        text.parse().expect("a path")
    }

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let items = json::parse(br#"{"a/b":[{"c":" x "},{"c":2.50}]}"#).expect("JSON");
        assert_eq!(path("/a~1b/0/c").text(&items).as_deref(), Some("x"));
        assert_eq!(path("/a~1b/1/c").text(&items).as_deref(), Some("2.50"));
        assert_eq!(path("/a~1b/2/c").text(&items), None);
    }

    #[test]
    fn of_repeated_elements_the_counted_one_is_found() {
        let items = xml::parse(b"<r><p>1</p><p>2</p><p>3</p></r>").expect("XML");
        assert_eq!(path("/r/p[2]").text(&items).as_deref(), Some("2"));
        assert_eq!(path("/r/p").text(&items).as_deref(), Some("3"));
    }

    #[test]
    fn a_path_reads_back_what_it_writes() {
        assert_eq!(path("/a~1b/c~0d").to_string(), "/a~1b/c~0d");
        assert_eq!("a".parse::<Path>(), Err(InvalidPath));
    }
}
