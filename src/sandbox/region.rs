//! Regions: which region keys a destination's `DE…` covers, and the areas a routing client can look for.

use serde::{Deserialize, Serialize};

/// An area of the routing API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Its id: digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is, for example `Stadt`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its official region key (ARS).
    pub ars: String,
}

/// What a routing client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Ars(&'a str),
    Ags(&'a str),
}

impl<'a> Key<'a> {
    pub(super) fn ars(text: &'a str) -> Option<Self> {
        (matches!(text.len(), 2 | 3 | 5 | 9 | 12) && digits(text)).then_some(Self::Ars(text))
    }

    pub(super) fn ags(text: &'a str) -> Option<Self> {
        (matches!(text.len(), 2 | 3 | 5 | 8) && digits(text)).then_some(Self::Ags(text))
    }

    /// Whether a destination in this region (`DE` and a leading part of an ARS) is responsible here.
    pub(super) fn lies_in(self, region: &str) -> bool {
        let Some(region) = region.strip_prefix("DE") else { return false };
        match self {
            Self::Ars(key) => trimmed(key).starts_with(trimmed(region)),
            // An AGS is an ARS without the association of municipalities (digits 6 to 9).
            Self::Ags(key) if region.len() <= 5 => key.starts_with(trimmed(region)),
            Self::Ags(key) => match (key.get(..5), key.get(5..), region.get(..5), region.get(9..12)) {
                (Some(district), Some(place), Some(other_district), Some(other_place)) => {
                    district == other_district && place == other_place
                }
                _ => false,
            },
        }
    }
}

/// A key without the pairs of zeros that mean "everything below".
fn trimmed(key: &str) -> &str {
    let short = key.trim_end_matches('0');
    if short.is_empty() {
        return short;
    }
    [2, 3, 5, 9, 12]
        .into_iter()
        .find(|length| *length >= short.len())
        .and_then(|length| key.get(..length))
        .unwrap_or(short)
}

/// Whether a name meets a search expression; `*` stands for anything.
pub(super) fn meets(name: &str, expression: &str) -> bool {
    let (name, expression) = (name.to_lowercase(), expression.to_lowercase());
    let mut parts = expression.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
        last = Some(part);
    }
    match last {
        // Without a wildcard, and behind the last one: nothing may be left.
        None => rest.is_empty(),
        Some(part) => part.is_empty() || name.ends_with(part),
    }
}

fn digits(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_covers_what_lies_in_it() {
        let key = Key::ars("064350014014").expect("an ARS");
        for region in ["DE", "DE06", "DE06435", "DE064350014014", "DE000000000000"] {
            assert!(key.lies_in(region), "{region}");
        }
        for region in ["DE07", "DE064350014015", "AT06"] {
            assert!(!key.lies_in(region), "{region}");
        }
    }

    #[test]
    fn an_ags_is_an_ars_without_its_association() {
        let key = Key::ags("06435014").expect("an AGS");
        assert!(key.lies_in("DE064350014014"));
        assert!(key.lies_in("DE06435"));
        assert!(!key.lies_in("DE064350014015"));
        assert_eq!(Key::ags("064350014014"), None);
    }

    #[test]
    fn a_search_expression_knows_the_wildcard() {
        assert!(meets("Magdeburg", "mag*"));
        assert!(meets("Magdeburg", "*burg"));
        assert!(meets("Magdeburg", "*deb*"));
        assert!(meets("Hanau", "Hanau"));
        assert!(!meets("Hanau", "Han"));
        assert!(!meets("Magdeburg", "*berg"));
    }
}
