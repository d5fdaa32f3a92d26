//! The judgement on the clock: what it shows, against what it may be compared with. Pure; whoever calls brings the time.

use std::{collections::BTreeMap, time::Duration};

use ozg_protocols::{
    ids::{DestinationId, TenantSlug},
    moment::Moment,
};
use tokio::time::Instant;

/// So far apart two clocks may be (law 7).
pub(crate) const APART: Duration = Duration::from_secs(3_600);

/// A moment that somebody showed, and when that was by the clock that never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) shows: Moment,
    pub(super) at: Instant,
}

impl Word {
    /// What it would show now.
    fn by(self, now: Instant) -> Moment {
        self.shows.plus(now.saturating_duration_since(self.at))
    }

    fn confirms(self, wall: Moment, now: Instant) -> bool {
        apart(wall, self.by(now)) <= APART
    }
}

/// What was last said for one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The moment of the record that was appended last while the clock was believed.
    pub(super) record: Option<Moment>,
    /// What the delivery service of each destination showed.
    pub(super) services: BTreeMap<DestinationId, Word>,
}

impl Said {
    /// Whether somebody outside shows the same.
    fn confirms(&self, wall: Moment, now: Instant) -> bool {
        self.services.values().any(|word| word.confirms(wall, now))
    }

    /// Whom else the clock is compared with, and what they show.
    fn others(&self, believed: Word, now: Instant) -> impl Iterator<Item = (Witness, Moment)> {
        let services = self.services.values().map(move |word| (Witness::Service, word.by(now)));
        std::iter::once((Witness::Itself, believed.by(now))).chain(services)
    }

    /// The last record, where the clock is behind it: that nothing was written since then is no disagreement.
    fn record_ahead(&self, wall: Moment) -> Option<Moment> {
        self.record.filter(|record| *record > wall)
    }
}

/// What was last said for each tenant.
pub(super) type Words = BTreeMap<TenantSlug, Said>;

/// Whom the clock disagrees with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witness {
    /// Itself, as it went on since it was last believed: it has jumped.
    Itself,
    /// The last record of the tenant: the clock is behind it.
    Record,
    /// The delivery service of a destination.
    Service,
}

impl Witness {
    /// Its name in logs and on the operations page.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Itself => "itself before it jumped",
            Self::Record => "the last record",
            Self::Service => "the delivery service",
        }
    }
}

/// A disagreement of more than [`APART`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// With whom; where there are several, the one who is furthest away.
    pub(crate) with: Witness,
    /// By how much.
    pub(crate) by: Duration,
    /// How far the clock is behind whoever is ahead of it.
    pub(super) behind: Duration,
    /// Since when.
    pub(super) since: Instant,
}

/// Nothing was compared for this tenant yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NobodyLooked;

/// How it stands with one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// The largest difference, also where it is small.
    pub(super) apart: Duration,
    /// Nothing where the clock agrees.
    pub(super) doubt: Option<Doubt>,
}

/// What was found: with it the next judgement begins, whoever gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Findings {
    /// When the clock was last believed though nobody could compare it with itself: at the start, or after a jump that a
    /// delivery service has confirmed.
    believed: Word,
    pub(super) tenants: BTreeMap<TenantSlug, Standing>,
}

impl Findings {
    /// Nothing was compared yet.
    pub(super) const fn at_the_start(wall: Moment, now: Instant) -> Self {
        Self { believed: Word { shows: wall, at: now }, tenants: BTreeMap::new() }
    }

    /// What follows now that the clock shows `wall`.
    pub(super) fn judged(&self, words: &Words, wall: Moment, now: Instant) -> Self {
        let believed = self.believed_after(words, wall, now);
        let stands = |(tenant, said): (&TenantSlug, &Said)| {
            (tenant.clone(), Standing::of(self.tenants.get(tenant), said, believed, wall, now))
        };
        Self { believed, tenants: words.iter().map(stands).collect() }
    }

    /// The doubt of one tenant at the moment that the clock shows `wall`; an error where nobody has looked yet.
    pub(super) fn doubt(
        &self,
        tenant: &TenantSlug,
        words: &Words,
        wall: Moment,
        now: Instant,
    ) -> Result<Option<Doubt>, NobodyLooked> {
        let (before, said) = self.tenants.get(tenant).zip(words.get(tenant)).ok_or(NobodyLooked)?;
        Ok(Standing::of(Some(before), said, self.believed_after(words, wall, now), wall, now).doubt)
    }

    /// Whether what the clock writes as it shows `wall` says anything about the time. While it is in doubt it does not, or a
    /// wrong clock would confirm itself; except that a record from the future is overruled by what a service confirms.
    pub(super) fn counts(&self, tenant: &TenantSlug, words: &Words, wall: Moment, now: Instant) -> bool {
        let Some((_, said)) = self.tenants.get(tenant).zip(words.get(tenant)) else { return false };
        let agrees = |shows: Moment| apart(wall, shows) <= APART;
        said.others(self.believed_after(words, wall, now), now).all(|(_, shows)| agrees(shows))
            && (said.record_ahead(wall).is_none_or(agrees) || said.confirms(wall, now))
    }

    fn believed_after(&self, words: &Words, wall: Moment, now: Instant) -> Word {
        // It jumped, and somebody who has nothing to do with us shows the same: it was mended.
        let is_mended = || words.values().any(|said| said.confirms(wall, now));
        if !self.believed.confirms(wall, now) && is_mended() { Word { shows: wall, at: now } } else { self.believed }
    }
}

impl Standing {
    fn of(before: Option<&Self>, said: &Said, believed: Word, wall: Moment, now: Instant) -> Self {
        let (mut furthest, mut behind) = ((Duration::ZERO, Witness::Itself), Duration::ZERO);
        let record = said.record_ahead(wall).map(|record| (Witness::Record, record));
        for (with, shows) in said.others(believed, now).chain(record) {
            let apart = apart(wall, shows);
            furthest = if apart > furthest.0 { (apart, with) } else { furthest };
            behind = behind.max(shows.since(wall));
        }
        let (apart, with) = furthest;
        let since = before.and_then(|standing| standing.doubt).map_or(now, |doubt| doubt.since);
        let doubt = (apart > APART).then_some(Doubt { with, by: apart, behind, since });
        Self { apart, doubt }
    }
}

fn apart(one: Moment, other: Moment) -> Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = APART;
    const SECOND: Duration = Duration::from_secs(1);

    /// A clock on its way, and what is said to it.
    struct Trial {
        start: Instant,
        runs: Duration,
        /// What the clock shows beyond the time, in seconds.
        off: i64,
        words: Words,
        found: Findings,
    }

    fn slug() -> TenantSlug {
        "musterstadt".parse().expect("a slug")
    }

    impl Trial {
        fn begin(off: i64, record: Option<i64>) -> Self {
            let start = Instant::now();
            let said = Said { record: record.map(time), services: BTreeMap::new() };
            let found = Findings::at_the_start(time(off), start);
            let words = Words::from([(slug(), said)]);
            let mut trial = Self { start, runs: Duration::ZERO, off, words, found };
            trial.judge();
            trial
        }

        fn wall(&self) -> Moment {
            time(self.off).plus(self.runs)
        }

        fn after(&mut self, more: Duration) -> &mut Self {
            self.runs += more;
            self
        }

        fn judge(&mut self) -> Option<(Witness, u64)> {
            self.found = self.found.judged(&self.words, self.wall(), self.start + self.runs);
            self.doubt().map(|doubt| (doubt.with, doubt.by.as_secs()))
        }

        fn doubt(&self) -> Option<Doubt> {
            self.found.tenants[&slug()].doubt
        }

        fn said(&mut self) -> &mut Said {
            self.words.get_mut(&slug()).expect("there")
        }

        /// The delivery service shows the time, or what is so far off.
        fn service(&mut self, off: i64) -> &mut Self {
            let word = Word { shows: time(off).plus(self.runs), at: self.start + self.runs };
            self.said().services.insert(DestinationId::from_random([1; 16]), word);
            self
        }

        /// A record is written by the clock.
        fn writes(&mut self) -> &mut Self {
            let wall = self.wall();
            if self.found.counts(&slug(), &self.words, wall, self.start + self.runs) {
                self.said().record = Some(wall);
            }
            self
        }
    }

    /// So many seconds after the trial began.
    fn time(seconds: i64) -> Moment {
        Moment::from_seconds(1_000_000_000 + seconds)
    }

    #[test]
    fn a_clock_that_is_an_hour_off_is_believed_and_a_second_more_is_too_much() {
        for off in [3_600, -3_600] {
            assert_eq!(Trial::begin(off, None).service(0).judge(), None);
            let off = off + off.signum();
            assert_eq!(Trial::begin(off, None).service(0).judge(), Some((Witness::Service, 3_601)));
        }
    }

    #[test]
    fn a_clock_behind_the_last_record_is_not_believed_and_a_quiet_night_is_no_disagreement() {
        assert_eq!(Trial::begin(0, Some(-1_000_000)).judge(), None);
        assert_eq!(Trial::begin(0, Some(3_600)).judge(), None);
        assert_eq!(Trial::begin(0, Some(7_200)).judge(), Some((Witness::Record, 7_200)));
    }

    #[test]
    fn what_is_written_by_a_clock_in_doubt_does_not_make_it_right() {
        let mut trial = Trial::begin(-7_200, Some(0));
        assert_eq!(trial.after(SECOND).writes().judge(), Some((Witness::Record, 7_199)));
        assert_eq!(trial.after(HOUR).writes().judge(), None, "it has come near enough to the last record");
    }

    #[test]
    fn a_record_from_the_future_counts_until_the_next_one_that_a_service_confirms() {
        let mut trial = Trial::begin(0, Some(7_200));
        assert_eq!(trial.service(0).judge(), Some((Witness::Record, 7_200)));
        assert_eq!(trial.after(SECOND).writes().judge(), None);
    }

    #[test]
    fn a_jump_is_noticed_in_both_directions_and_over_when_the_clock_is_set_back() {
        for jump in [7_200, -7_200] {
            let mut trial = Trial::begin(0, Some(0));
            assert_eq!(trial.after(HOUR * 3).judge(), None, "time goes by");
            trial.off = jump;
            assert_eq!(trial.after(SECOND).judge(), Some((Witness::Itself, 7_200)));
            assert_eq!(trial.after(SECOND).writes().judge(), Some((Witness::Itself, 7_200)));
            trial.off = 0;
            assert_eq!(trial.after(SECOND).writes().judge(), None, "what was written meanwhile counts for nothing");
        }
    }

    #[test]
    fn a_jump_that_a_service_confirms_has_mended_the_clock() {
        let mut trial = Trial::begin(-7_200, None);
        assert_eq!(trial.service(0).judge(), Some((Witness::Service, 7_200)));
        trial.off = 0;
        assert_eq!(trial.after(SECOND).judge(), None);
        trial.said().services.clear();
        assert_eq!(trial.after(SECOND).judge(), None, "from then on it is compared with what it showed then");
    }

    #[test]
    fn what_a_service_showed_goes_on_with_the_time() {
        let mut trial = Trial::begin(0, None);
        assert_eq!(trial.service(0).after(HOUR * 5).judge(), None);
    }

    #[test]
    fn a_doubt_counts_from_its_beginning_and_says_how_far_the_clock_is_behind() {
        let mut trial = Trial::begin(0, Some(7_200));
        let since = trial.doubt().expect("a doubt").since;
        trial.after(SECOND).judge();
        let doubt = trial.doubt().expect("still");
        assert_eq!((doubt.since, doubt.behind), (since, Duration::from_secs(7_199)));
        let mut ahead = Trial::begin(7_200, None);
        ahead.service(0).judge();
        assert_eq!(ahead.doubt().expect("a doubt").behind, Duration::ZERO);
    }

    #[test]
    fn one_tenants_service_is_no_judge_over_another() {
        let mut trial = Trial::begin(0, None);
        let other: TenantSlug = "kleinau".parse().expect("a slug");
        trial.words.insert(other.clone(), Said::default());
        assert_eq!(trial.service(9_000).judge(), Some((Witness::Service, 9_000)));
        assert_eq!(trial.found.tenants[&other].doubt, None);
    }
}
