//! When something that failed is tried again: pauses that double, with jitter, up to a longest one.

use std::time::Duration;

use crate::seams::Ids;

/// The pause after this many failures in a row (1 after the first): `first` doubled each time, at most `longest`, and of
/// that between half and all, so that those who failed together do not come back together. Never sooner than asked.
pub(crate) fn pause(failures: u32, first: Duration, longest: Duration, asked: Option<Duration>, ids: &Ids) -> Duration {
    let whole = first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(longest);
    let [random] = ids.bytes::<1>().unwrap_or([255]);
    let jittered = whole / 2 + whole.mul_f64(f64::from(random) / 510.0);
    jittered.max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ozg_storage::random::StrongRandom;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_undercut_what_was_asked() {
        let ids = Ids::new(Arc::new(StrongRandom::default()));
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        let after = |failures, asked| pause(failures, first, longest, asked, &ids);
        assert!((first / 2..=first).contains(&after(1, None)));
        assert!((first * 2..=first * 4).contains(&after(3, None)));
        assert!((longest / 2..=longest).contains(&after(40, None)));
        assert_eq!(after(1, Some(longest)), longest);
    }
}
