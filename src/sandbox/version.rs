//! The two versions of the Submission API and where their names and statuses differ (dossier sections 5 and 6).

use http::StatusCode;

/// A version of the Submission API, as it stands in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

impl Version {
    pub(super) fn of(segment: &str) -> Option<Self> {
        match segment {
            "v1" => Some(Self::V1),
            "v2" => Some(Self::V2),
            _ => None,
        }
    }

    /// The member of a submission that names its service.
    pub(super) const fn service_member(self) -> &'static str {
        match self {
            Self::V1 => "serviceType",
            Self::V2 => "publicService",
        }
    }

    /// The member of a destination that lists its services.
    pub(super) const fn services_member(self) -> &'static str {
        match self {
            Self::V1 => "services",
            Self::V2 => "publicServices",
        }
    }

    /// What a submit is answered with.
    pub(super) const fn submitted(self) -> StatusCode {
        match self {
            Self::V1 => StatusCode::ACCEPTED,
            Self::V2 => StatusCode::OK,
        }
    }
}
