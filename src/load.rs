//! Load on a sandbox: applications at a given rate, whatever the answers take, and how long each took.
//!
//! The schedule is fixed beforehand (`n`-th application at `n / rate`), and a time counts from its place in the schedule:
//! who has to wait for a free sender has waited, too. [`drive`] sends and asks for verdicts, [`Tally`] is what came of it.
//! How it is shown lies in `cli::load`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hdrhistogram::Histogram;
use ozg_protocols::{fit_connect::jose::rsa::EncryptionKey, ids::DestinationId, moment::Moment};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{self, Instant, MissedTickBehavior},
};

use crate::sender::{
    client::{ApiVersion, SendError, Sender, Verdict},
    parcel::Parcel,
    sample::Samples,
};

/// Between two words about how far it got.
const BETWEEN_WORDS: Duration = Duration::from_millis(200);
/// Between two looks for a verdict, at least.
const LOOK: Duration = Duration::from_millis(100);
/// The longest time that is told apart; longer ones count as this.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// What is sent.
#[derive(Debug, Clone)]
pub struct Plan {
    /// To whom.
    pub destination: DestinationId,
    /// By which version of the Submission API.
    pub version: ApiVersion,
    /// Applications a second.
    pub rate: f64,
    /// How many.
    pub count: u64,
    /// How many are being sent at once, at most.
    pub senders: usize,
    /// How long the verdict of each is waited for after it was submitted.
    pub patience: Duration,
    /// Size that attachments are filled up to, in bytes.
    pub attachment: usize,
    /// Same number, same applications.
    pub seed: u64,
    /// The time of day that applications bear.
    pub clock: fn() -> Moment,
}

/// What came of it, so far.
#[derive(Debug)]
pub struct Tally {
    /// How long it took until each was submitted, in microseconds.
    pub submitted: Histogram<u64>,
    /// How long it took until each was accepted, in microseconds; looked for every 100 ms or tenth of
    /// the time, and no finer than that.
    pub accepted: Histogram<u64>,
    /// How many were rejected.
    pub rejected: u64,
    /// How many had no verdict in time.
    pub open: u64,
    /// How many could not be sent, or not be asked for, by the words of the error.
    pub failed: BTreeMap<String, u64>,
    /// From the first to the last submission.
    pub took: Duration,
}

impl Tally {
    fn new() -> Result<Self, hdrhistogram::CreationError> {
        let histogram = || Histogram::new_with_bounds(1, micros(LONGEST), 3);
        let (submitted, accepted) = (histogram()?, histogram()?);
        Ok(Self { submitted, accepted, rejected: 0, open: 0, failed: BTreeMap::new(), took: Duration::ZERO })
    }

    /// Whether every application was sent and accepted.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.rejected == 0 && self.open == 0 && self.failed.is_empty()
    }

    /// Applications that were submitted, a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.submitted.len() as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    fn add(&mut self, news: News) {
        match news {
            News::Submitted(after) => self.submitted.saturating_record(micros(after)),
            News::Decided(Verdict::Accepted, after) => self.accepted.saturating_record(micros(after)),
            News::Decided(Verdict::Rejected(_), _) => self.rejected += 1,
            News::Decided(Verdict::Open, _) => self.open += 1,
            News::Failed(error) => *self.failed.entry(error.to_string()).or_default() += 1,
        }
    }
}

/// What happened to one application.
enum News {
    Submitted(Duration),
    Decided(Verdict, Duration),
    Failed(SendError),
}

/// Why no load was driven.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The destination's key is not to be had.
    #[error("the destination cannot be written to")]
    Destination(#[source] SendError),
    /// The rate is not a number of applications a second.
    #[error("the rate is not above zero")]
    NoRate,
    /// The histogram cannot be made.
    #[error("the times cannot be counted")]
    Histogram(#[from] hdrhistogram::CreationError),
}

/// Drives the load; `watch` sees how far it got now and then.
///
/// # Errors
/// See [`LoadError`]; what fails later stands in the tally.
pub async fn drive(sender: Sender, plan: &Plan, mut watch: impl FnMut(&Tally)) -> Result<Tally, LoadError> {
    if !(plan.rate.is_finite() && plan.rate > 0.0) {
        return Err(LoadError::NoRate);
    }
    let key = sender.key_of(plan.destination, plan.version).await.map_err(LoadError::Destination)?;
    let (mut tally, (say, mut news)) = (Tally::new()?, mpsc::channel(1_024));
    let (start, mut words) = (Instant::now(), time::interval(BETWEEN_WORDS));
    words.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let line = Arc::new(Line { sender, key, plan: plan.clone(), start, say });
    let schedule = tokio::spawn(line.keep_schedule());
    loop {
        tokio::select! {
            heard = news.recv() => match heard {
                Some(heard) => {
                    if matches!(heard, News::Submitted(_)) {
                        tally.took = start.elapsed();
                    }
                    tally.add(heard);
                }
                None => break,
            },
            _ = words.tick() => watch(&tally),
        }
    }
    drop(schedule);
    watch(&tally);
    Ok(tally)
}

/// What every application on its way needs. Nobody speaks any more once all of them have ended.
struct Line {
    sender: Sender,
    key: EncryptionKey,
    plan: Plan,
    start: Instant,
    say: mpsc::Sender<News>,
}

impl Line {
    /// Sends each application when it is due, or as soon after that as a sender is free.
    async fn keep_schedule(self: Arc<Self>) {
        let mut samples = Samples::new(self.plan.seed);
        samples.attachment_size = self.plan.attachment;
        let free = Arc::new(Semaphore::new(self.plan.senders));
        for number in 0..self.plan.count {
            let due = self.start + Duration::from_secs_f64(number as f64 / self.plan.rate);
            let parcel = samples.next(self.plan.version, (self.plan.clock)());
            time::sleep_until(due).await;
            let Ok(permit) = free.clone().acquire_owned().await else { return };
            let line = self.clone();
            tokio::spawn(async move { line.follow(parcel, due, permit).await });
        }
    }

    /// One application, from its place in the schedule to its verdict.
    async fn follow(&self, parcel: Parcel, due: Instant, permit: OwnedSemaphorePermit) {
        let Plan { destination, version, patience, .. } = self.plan;
        let receipt = match self.sender.send(destination, &self.key, version, &parcel, None).await {
            Ok(receipt) => receipt,
            Err(error) => return self.tell(News::Failed(error)).await,
        };
        drop(permit);
        let submitted = Instant::now();
        self.tell(News::Submitted(submitted - due)).await;
        loop {
            // The longer it takes, the less often it is asked for: no load of our own, and never further off than a tenth.
            time::sleep(LOOK.max(submitted.elapsed() / 10)).await;
            let verdict = match self.sender.verdict(receipt, version).await {
                Ok(verdict) => verdict,
                Err(error) => return self.tell(News::Failed(error)).await,
            };
            if verdict != Verdict::Open || submitted.elapsed() >= patience {
                return self.tell(News::Decided(verdict, due.elapsed())).await;
            }
        }
    }

    async fn tell(&self, news: News) {
        // Whoever does not listen any more has gone.
        drop(self.say.send(news).await);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_clean_only_if_all_were_accepted() {
        let second = Duration::from_secs(1);
        let tally = |news: Vec<News>| {
            let mut tally = Tally::new().expect("bounds");
            news.into_iter().for_each(|news| tally.add(news));
            tally
        };
        assert!(tally(vec![News::Submitted(second), News::Decided(Verdict::Accepted, second)]).is_clean());
        for trouble in [
            News::Decided(Verdict::Open, second),
            News::Decided(Verdict::Rejected(Vec::new()), second),
            News::Failed(SendError::TooSlow),
        ] {
            assert!(!tally(vec![News::Submitted(second), trouble]).is_clean());
        }
    }
}
