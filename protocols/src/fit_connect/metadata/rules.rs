//! What differs between the versions of the metadata schema: a table.

use std::fmt;

/// A version of the metadata schema that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaVersion {
    /// 1 or 2.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Patch version.
    pub patch: u32,
}

const BEFORE: &str = "https://schema.fitko.de/fit-connect/metadata/";
const BEHIND: &str = "/metadata.schema.json";

impl SchemaVersion {
    /// 1.0.0, which does not name itself.
    pub const V1_0_0: Self = Self { major: 1, minor: 0, patch: 0 };
    /// 2.1.0, the newest that we know.
    pub const V2_1_0: Self = Self { major: 2, minor: 1, patch: 0 };

    /// The version in a `$schema`; `None` for everything but 1.x.y and 2.x.y.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        let text = uri.strip_prefix(BEFORE)?.strip_suffix(BEHIND)?;
        let mut parts = text.split('.');
        let mut number = || {
            let text = parts.next().filter(|text| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()))?;
            // A number beyond u32 is still a version that the pattern allows.
            Some(text.parse().unwrap_or(u32::MAX))
        };
        let major_text = text.split('.').next()?;
        let version = Self { major: number()?, minor: number()?, patch: number()? };
        (parts.next().is_none() && matches!(major_text, "1" | "2")).then_some(version)
    }

    /// The newest version that a destination reads (`metadataVersions`) and that we can write.
    #[must_use]
    pub fn newest_of(offered: &[String]) -> Option<Self> {
        offered.iter().filter_map(|version| Self::from_uri(&format!("{BEFORE}{version}{BEHIND}"))).max()
    }

    /// Its `$schema`.
    #[must_use]
    pub fn uri(self) -> String {
        format!("{BEFORE}{self}{BEHIND}")
    }

    pub(super) fn rules(self) -> &'static Rules {
        match self {
            Self { major: 1, minor: 0, .. } => &V1_0,
            Self { major: 1, .. } => &V1_LATER,
            _ => &V2,
        }
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The rules of a version.
pub(super) struct Rules {
    /// `contentStructure.data` has to be there.
    pub(super) data_required: bool,
    /// `purpose` may be `data`, attachments may have `fragments`.
    pub(super) large_attachments: bool,
    /// `publicServiceType` and `authenticationInformation` mean something.
    pub(super) service_and_identity: bool,
    /// `author`, `dataSets`, the reply channels `fitConnect` and `idBundDeMailbox` mean something.
    pub(super) author_and_data_sets: bool,
    /// `elster.accountId` has ten digits.
    pub(super) elster_account_digits: bool,
    /// Longest `elster.geschaeftszeichen`, in characters.
    pub(super) file_reference: usize,
    /// `fink.finkPostfachRef` may be empty.
    pub(super) empty_fink: bool,
    /// `additionalReferenceInfo` allows only known members.
    pub(super) closed_reference: bool,
}

/// 1.0.0.
const V1_0: Rules = Rules {
    data_required: false,
    large_attachments: false,
    service_and_identity: true,
    author_and_data_sets: false,
    elster_account_digits: true,
    file_reference: 10,
    empty_fink: true,
    closed_reference: false,
};

/// 1.1 to 1.x: where 2.x became wider is not established (dossier section 8.2), so the wider rule holds.
const V1_LATER: Rules = Rules {
    large_attachments: true,
    author_and_data_sets: true,
    elster_account_digits: false,
    file_reference: 60,
    ..V1_0
};

/// 2.x: every 2.x.y is judged by 2.1.0; the only known difference of 2.0.0 is a shorter `geschaeftszeichen` (10).
const V2: Rules = Rules {
    data_required: true,
    large_attachments: true,
    service_and_identity: false,
    author_and_data_sets: true,
    elster_account_digits: false,
    file_reference: 60,
    empty_fink: false,
    closed_reference: true,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_both_know_is_taken() {
        let offered = ["1.0.0", "2.0.0", "2.1.0", "3.0.0", "x"].map(str::to_owned);
        assert_eq!(SchemaVersion::newest_of(&offered), Some(SchemaVersion::V2_1_0));
        assert_eq!(SchemaVersion::newest_of(&offered[3..]), None);
    }

    #[test]
    fn versions_1_and_2_are_found_in_their_uri() {
        assert_eq!(SchemaVersion::from_uri(&SchemaVersion::V2_1_0.uri()), Some(SchemaVersion::V2_1_0));
        let uri = |version: &str| format!("{BEFORE}{version}{BEHIND}");
        assert!(SchemaVersion::from_uri(&uri("1.6.0")).is_some());
        for wrong in ["3.0.0", "2.1", "2.1.0.0", "2..0", "2.1.x", "02.1.0", "-1.0.0"] {
            assert_eq!(SchemaVersion::from_uri(&uri(wrong)), None, "{wrong}");
        }
        assert_eq!(SchemaVersion::from_uri("https://example.org/2.1.0"), None);
    }
}
