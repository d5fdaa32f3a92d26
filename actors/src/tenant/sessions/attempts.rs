//! Sign-ins that failed: after [`FREE`] of them a login has to wait, twice as long each time. Counted by the keyed hash of the
//! login, whether it exists or not. By the clock that never jumps: whoever has to wait waits.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// So many sign-ins may fail in a row.
const FREE: u32 = 5;
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// More logins than that at once are an attack; the oldest are forgotten, those that have to wait last of all.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Attempts(HashMap<u128, Failed>);

#[derive(Debug, Clone, Copy)]
struct Failed {
    count: u32,
    last: Instant,
}

impl Failed {
    fn pause(self) -> Duration {
        let over = self.count.saturating_sub(FREE);
        if self.count < FREE { Duration::ZERO } else { Duration::from_secs(1 << over.min(10)).min(LONGEST) }
    }
}

impl Attempts {
    /// Counts an attempt as failed until it has succeeded, so that many at once do not slip through.
    ///
    /// # Errors
    /// How long this login has to wait.
    pub(super) fn begin(&mut self, login: u128, now: Instant) -> Result<(), Duration> {
        if self.0.len() >= MOST && !self.0.contains_key(&login) {
            self.forget_the_oldest();
        }
        let failed = self.0.entry(login).or_insert(Failed { count: 0, last: now });
        let waited = now.saturating_duration_since(failed.last);
        if waited < failed.pause() {
            return Err(failed.pause().saturating_sub(waited));
        }
        (failed.count, failed.last) = (failed.count.saturating_add(1), now);
        Ok(())
    }

    pub(super) fn succeeded(&mut self, login: u128) {
        self.0.remove(&login);
    }

    /// Forgets the eighth of them that failed longest ago: so many at once that a flood does not sort them each time.
    fn forget_the_oldest(&mut self) {
        let mut lasts: Vec<_> = self.0.values().map(|failed| (failed.count >= FREE, failed.last)).collect();
        let (_, newest, _) = lasts.select_nth_unstable(MOST / 8);
        let newest = *newest;
        self.0.retain(|_, failed| (failed.count >= FREE, failed.last) > newest);
    }

    /// Forgets those that have waited long enough.
    pub(super) fn forget(&mut self, now: Instant) {
        self.0.retain(|_, failed| now.saturating_duration_since(failed.last) < LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_fails_five_times_waits_longer_each_time() {
        let (mut attempts, mut now) = (Attempts::default(), Instant::now());
        for _ in 0..FREE {
            assert_eq!(attempts.begin(1, now), Ok(()));
        }
        assert_eq!(attempts.begin(1, now), Err(Duration::from_secs(1)));
        now += Duration::from_secs(1);
        assert_eq!(attempts.begin(1, now), Ok(()));
        assert_eq!(attempts.begin(1, now), Err(Duration::from_secs(2)));
        assert_eq!(attempts.begin(2, now), Ok(()), "others do not wait");
    }

    #[test]
    fn a_flood_of_other_logins_ends_nobodys_wait() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..FREE {
            assert_eq!(attempts.begin(1, now), Ok(()));
        }
        for login in 2..MOST as u128 + 1_000 {
            assert_eq!(attempts.begin(login, now), Ok(()));
        }
        assert_eq!(attempts.begin(1, now), Err(Duration::from_secs(1)));
        assert!(attempts.0.len() <= MOST);
    }

    #[test]
    fn a_success_starts_anew() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..FREE {
            assert_eq!(attempts.begin(1, now), Ok(()));
        }
        attempts.succeeded(1);
        assert_eq!(attempts.begin(1, now), Ok(()));
    }
}
