//! The breaker of one destination: after failures in a row nobody calls it for a while.

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row are borne.
const MOST: u32 = 5;
/// How long it is left alone then; doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// How a destination has behaved lately.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// How long it still has to be left alone.
    pub(super) fn until(&self) -> Option<Duration> {
        let left = self.open_until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// A call worked.
    pub(super) fn worked(&mut self) {
        *self = Self::default();
    }

    /// A call failed; the service may have said when to come again. Calls that were on their way when it opened tell
    /// nothing new.
    pub(super) fn failed(&mut self, asked: Option<Duration>) {
        let left = self.until();
        if left.is_some() && asked <= left {
            return;
        }
        self.failures += 1;
        let over = self.failures.checked_sub(MOST).map(|over| FIRST.saturating_mul(1 << over.min(16)).min(LONGEST));
        if let Some(pause) = over.max(asked) {
            self.open_until = Some(Instant::now() + pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_failures_in_a_row_a_destination_is_left_alone_for_a_while() {
        let mut breaker = Breaker::default();
        for _ in 1..MOST {
            breaker.failed(None);
        }
        assert_eq!(breaker.until(), None);
        breaker.failed(None);
        assert_eq!(breaker.until(), Some(FIRST));
        tokio::time::advance(FIRST).await;
        assert_eq!(breaker.until(), None);
        breaker.failed(None);
        assert_eq!(breaker.until(), Some(FIRST * 2));
        breaker.worked();
        assert_eq!(breaker.until(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_fail_together_are_no_reason_to_leave_it_alone_for_longer() {
        let mut breaker = Breaker::default();
        for _ in 0..MOST + 11 {
            breaker.failed(None);
        }
        assert_eq!(breaker.until(), Some(FIRST));
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_asks_to_be_left_alone_is() {
        let mut breaker = Breaker::default();
        breaker.failed(Some(Duration::from_secs(7)));
        assert_eq!(breaker.until(), Some(Duration::from_secs(7)));
    }
}
