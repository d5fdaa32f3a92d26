//! One reading of the list of what waits at the delivery service, from its first page to its end, if it has one.

use std::collections::HashSet;

use ozg_protocols::{fit_connect::api::submission::SubmissionIds, ids::SubmissionId};

/// The most pages of one reading of the list. What lies behind them comes nearer as those before are settled.
const MOST_PAGES: u32 = 200;

/// One reading of the list.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// What it has shown since its beginning.
    pub(super) shown: HashSet<SubmissionId>,
    pages: u32,
}

impl Listing {
    /// Notes what one more page shows. False: nothing that the pages before have not shown, or more of them than are read. Such
    /// a list has no end, and nobody can say what is not in it.
    pub(super) fn goes_on(&mut self, page: &[SubmissionIds]) -> bool {
        let before = self.shown.len();
        self.shown.extend(page.iter().map(|ids| ids.submission_id));
        self.pages += 1;
        self.shown.len() > before && self.pages < MOST_PAGES
    }
}

#[cfg(test)]
mod tests {
    use ozg_protocols::ids::{DestinationId, FitCaseId};

    use super::*;

    fn page(numbers: std::ops::Range<u32>) -> Vec<SubmissionIds> {
        let ids = |number: u32| {
            let mut raw = [0; 16];
            raw[..4].copy_from_slice(&number.to_be_bytes());
            SubmissionIds {
                destination_id: DestinationId::from_random([1; 16]),
                submission_id: SubmissionId::from_random(raw),
                case_id: FitCaseId::from_random(raw),
            }
        };
        numbers.map(ids).collect()
    }

    #[test]
    fn a_list_that_shows_nothing_new_or_never_ends_is_left() {
        let mut listing = Listing::default();
        assert!(listing.goes_on(&page(0..500)));
        assert!(listing.goes_on(&page(499..501)), "one moved up meanwhile");
        assert!(!listing.goes_on(&page(0..500)));
        assert!(!Listing::default().goes_on(&[]));
        let mut listing = Listing::default();
        let pages = (0..).take_while(|number| listing.goes_on(&page(*number..number + 1))).count();
        assert_eq!(pages, MOST_PAGES as usize - 1, "after the last one it is left");
    }
}
