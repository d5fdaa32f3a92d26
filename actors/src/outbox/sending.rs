//! One attempt to carry out one effect: the signed verdict goes out as it was stored, until the event log shows it.
//!
//! What the log shows decides, never the status of a call: our own token there means done; another verdict there, verified,
//! means that somebody else spoke for us, and a person has to look. Outcomes are noted before the entry is settled.

use std::time::Duration;

use ozg_protocols::{
    case::{Effect, NoteReceipt, Order, Receipt, ReceiptOf, ReceiptState, Refusal},
    fit_connect::set::{Event, Set, Subject},
    ids::CaseId,
    intake::{ClearingReason, Intake, IntakeEvent, IntakeState},
};

use crate::{
    case::Outcome,
    fit_connect::service::{DeliveryService, ServiceError},
    intake::{IntakeRecord, Trouble, intake_of},
    tenant::TenantContext,
};

/// How often the log is read after a verdict was taken, and the pause between.
const READS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(150);
/// So often a service refuses a verdict for good before it is left to a person: once may be a mishap of its own.
const MOST_REFUSALS: u32 = 3;

/// Carries out the effects of one destination.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(super) context: TenantContext,
    pub(super) service: DeliveryService,
}

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The log shows it, and that is noted.
    Done,
    /// The log shows another verdict, and that is noted.
    Foreign,
    /// It was taken, but the log does not show it yet.
    NotShown,
    /// The service refuses it for good; it is tried a few times more.
    Refused,
    /// The service refused it for good too often, and that is noted: a person decides.
    GivenUp,
    /// It is tried again.
    Failed {
        why: &'static str,
        /// Whether the service itself is in trouble.
        trouble: bool,
        asked: Option<Duration>,
    },
}

impl Sent {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Foreign => "foreign",
            Self::NotShown => "not-shown",
            Self::Refused | Self::GivenUp => "refused",
            Self::Failed { why, .. } => why,
        }
    }
}

/// What a log shows about a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Ours,
    Foreign,
    None,
}

impl Sender {
    /// One attempt. `before` counts the earlier ones, `refused` those among them that were refused for good.
    pub(super) async fn carry_out(&self, effect: &Effect, before: u32, refused: u32) -> Sent {
        let Effect::SendReceipt { of, receipt } = effect;
        match self.send(*of, receipt, before, refused).await {
            Ok(sent) => sent,
            Err(trouble) => {
                let (destination, submission) = (receipt.destination, receipt.submission);
                let why = trouble.why();
                tracing::warn!(%destination, %submission, why, attempts = before + 1, "a verdict is sent again later");
                let (service, asked) = match &trouble {
                    Trouble::Service(error) => (is_trouble(error), error.retry_after()),
                    _ => (false, None),
                };
                Sent::Failed { why, trouble: service, asked }
            }
        }
    }

    async fn send(&self, of: ReceiptOf, receipt: &Receipt, before: u32, refused: u32) -> Result<Sent, Trouble> {
        if before > 0 {
            match self.shown(receipt).await? {
                Shown::None => {}
                shown => return self.note(of, receipt, shown).await,
            }
        }
        match self.service.post_event(receipt.case, &receipt.token).await {
            Ok(()) => {}
            // Somebody was faster, or the submission is settled: the log knows who.
            Err(error) if matches!(error.status(), Some(404 | 409)) => {
                return match self.shown(receipt).await? {
                    Shown::None => Err(error.into()),
                    shown => self.note(of, receipt, shown).await,
                };
            }
            // The same bytes will be refused the next time, too.
            Err(error) if matches!(error.status(), Some(400 | 413 | 422)) => {
                return match self.shown(receipt).await? {
                    Shown::None if refused + 1 >= MOST_REFUSALS => self.give_up(of, receipt).await,
                    Shown::None => Ok(Sent::Refused),
                    shown => self.note(of, receipt, shown).await,
                };
            }
            Err(error) => return Err(error.into()),
        }
        for read in 0..READS {
            match self.shown(receipt).await? {
                Shown::None if read + 1 < READS => tokio::time::sleep(PAUSE).await,
                Shown::None => {}
                shown => return self.note(of, receipt, shown).await,
            }
        }
        Ok(Sent::NotShown)
    }

    /// Our own token is known by its bytes; a foreign verdict has to be signed by somebody who may give one.
    async fn shown(&self, receipt: &Receipt) -> Result<Shown, Trouble> {
        let log = self.service.event_log(receipt.case).await?;
        if log.contains(&receipt.token) {
            return Ok(Shown::Ours);
        }
        let ours = Set::parse(&receipt.token).map(|set| set.unverified().id).ok();
        for set in log.iter().filter_map(|text| Set::parse(text).ok()) {
            let claims = set.unverified();
            let verdict = matches!(claims.event, Event::Accepted(_) | Event::Rejected { .. });
            if !verdict || claims.subject != Subject::Submission(receipt.submission) {
                continue;
            }
            let (issuer, kid, id) = (claims.issuer.clone(), set.kid().clone(), claims.id);
            let Some(key) = self.service.credentials().key(&issuer, &kid).await? else { continue };
            if set.verify(&*key.key).is_ok() {
                return Ok(if Some(id) == ours { Shown::Ours } else { Shown::Foreign });
            }
        }
        Ok(Shown::None)
    }

    async fn note(&self, of: ReceiptOf, receipt: &Receipt, shown: Shown) -> Result<Sent, Trouble> {
        let (state, sent) = match shown {
            Shown::Ours => (ReceiptState::Delivered, Sent::Done),
            Shown::Foreign => (ReceiptState::Foreign, Sent::Foreign),
            Shown::None => return Ok(Sent::NotShown),
        };
        match of {
            ReceiptOf::Case(case) => self.note_on(case, receipt, state).await?,
            ReceiptOf::Intake(id) => {
                let mut record = IntakeRecord::load(&self.context, id).await?;
                if record.intake.as_ref().is_some_and(|intake| intake.receipt != state) {
                    record.append(vec![IntakeEvent::ReceiptNoted { state }], Vec::new()).await?;
                }
            }
        }
        if sent == Sent::Foreign {
            self.clear(receipt).await?;
        }
        Ok(sent)
    }

    async fn note_on(&self, case: CaseId, receipt: &Receipt, state: ReceiptState) -> Result<(), Trouble> {
        let word: &[u8] = match state {
            ReceiptState::Delivered => b"delivered",
            ReceiptState::Refused => b"refused",
            _ => b"foreign",
        };
        let parts: [&[u8]; 3] = [b"note receipt", receipt.submission.as_bytes(), word];
        let key = self.context.sealer.index_key().command_key(&parts);
        let order = Order::NoteReceipt(NoteReceipt(state));
        match self.context.cases.order(case, order, key, Vec::new()).await? {
            Outcome::Done { .. } | Outcome::Refused(Refusal::NothingToDo) => Ok(()),
            _ => Err(Trouble::Other("case-refuses")),
        }
    }

    /// A verdict that the service refuses for good is left to a person, who may have the same bytes sent again.
    async fn give_up(&self, of: ReceiptOf, receipt: &Receipt) -> Result<Sent, Trouble> {
        let (destination, submission) = (receipt.destination, receipt.submission);
        tracing::error!(%destination, %submission, "the delivery service refuses a verdict for good: a person has to look");
        if let ReceiptOf::Case(case) = of {
            self.note_on(case, receipt, ReceiptState::Refused).await?;
        }
        let mut record = IntakeRecord::load(&self.context, intake_of(&self.context, submission)).await?;
        let waits = |intake: &Intake| intake.state == IntakeState::Clearing(ClearingReason::VerdictRefused);
        if record.intake.as_ref().is_some_and(|intake| !waits(intake)) {
            record.append(vec![IntakeEvent::VerdictRefused { of, receipt: receipt.clone() }], Vec::new()).await?;
        }
        Ok(Sent::GivenUp)
    }

    /// A verdict that is not ours stops the submission: a person has to look.
    async fn clear(&self, receipt: &Receipt) -> Result<(), Trouble> {
        let (destination, submission) = (receipt.destination, receipt.submission);
        tracing::error!(%destination, %submission, "the delivery service shows a verdict that is not ours");
        let mut record = IntakeRecord::load(&self.context, intake_of(&self.context, submission)).await?;
        let reason = ClearingReason::ForeignVerdict;
        let waiting = |state: &IntakeState| *state == IntakeState::Clearing(ClearingReason::ForeignVerdict);
        if record.intake.as_ref().is_some_and(|intake| !waiting(&intake.state)) {
            record.append(vec![IntakeEvent::NeedsClearing { reason }], Vec::new()).await?;
        }
        Ok(())
    }
}

/// Whether the service as a whole seems to be in trouble, not only this submission.
fn is_trouble(error: &ServiceError) -> bool {
    error.status().is_none_or(|status| status >= 500 || matches!(status, 401 | 403 | 429))
}
