//! Lists in pages: at most 500 entries, 100 unless asked otherwise.

use serde::{Deserialize, Serialize};

use super::submission::SubmissionIds;

/// Entries of a page that did not ask for a number.
pub const DEFAULT_LIMIT: u32 = 100;
/// Most entries of a page.
pub const MAX_LIMIT: u32 = 500;

/// Where a page lies in its list; services may leave any of it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Entries in this page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Entries before this page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Entries in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_count: Option<u64>,
}

impl Position {
    /// The position of a page of this many entries.
    #[must_use]
    pub const fn of(count: u64, offset: u64, total: u64) -> Self {
        Self { count: Some(count), offset: Some(offset), total_count: Some(total) }
    }

    /// The offset of the next page after one that was asked for at `offset` and held `found` entries, if there is one.
    /// Without a total, a full page (`limit` entries) is taken for not the last.
    #[must_use]
    pub fn next(&self, offset: u64, found: u64, limit: u64) -> Option<u64> {
        let end = offset.checked_add(found)?;
        let more = match self.total_count {
            Some(total) => end < total,
            None => found >= limit,
        };
        (found > 0 && more).then_some(end)
    }
}

/// `GET /submissions`: what waits to be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SubmissionsForPickup {
    /// Where this page lies.
    #[serde(flatten)]
    pub position: Position,
    /// The submissions.
    #[serde(default)]
    pub submissions: Vec<SubmissionIds>,
}

/// `GET /cases/{id}/events`: SETs as compact text, newest last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLogPage {
    /// Where this page lies.
    #[serde(flatten)]
    pub position: Position,
    /// The SETs.
    #[serde(default)]
    pub event_log: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_until_the_total_is_reached() {
        let position = Position::of(500, 0, 700);
        assert_eq!(position.next(0, 500, 500), Some(500));
        assert_eq!(position.next(500, 200, 500), None);
    }

    #[test]
    fn without_a_total_a_short_page_is_the_last() {
        let position = Position::default();
        assert_eq!(position.next(0, 100, 100), Some(100));
        assert_eq!(position.next(100, 99, 100), None);
    }

    #[test]
    fn an_empty_page_ends_a_list_whatever_it_says() {
        assert_eq!(Position::of(0, 0, 10).next(0, 0, 100), None);
    }

    #[test]
    fn a_log_is_always_a_list() {
        let page = EventLogPage { position: Position::of(0, 0, 0), event_log: Vec::new() };
        let written = serde_json::to_string(&page).expect("JSON");
        assert_eq!(written, r#"{"count":0,"offset":0,"totalCount":0,"eventLog":[]}"#);
        assert_eq!(serde_json::from_str::<EventLogPage>("{}").expect("tolerant"), EventLogPage::default());
    }
}
