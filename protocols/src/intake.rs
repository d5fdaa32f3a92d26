//! Eingang: one submission from its first byte to the case it becomes, and the clearing item it may be instead.
//!
//! The attempt is counted before foreign bytes are opened; bytes that failed three times are never opened again on their
//! own. What is kept here is what came, sealed like everything else. The stream ends as a case, a rejection or a clearing
//! item; only a person leads a clearing item on. Event schema 1 (see [`crate::case`] for what that means).

use serde::{Deserialize, Serialize};

use crate::{
    application::Channel,
    case::{Effect, Receipt, ReceiptOf, ReceiptState},
    ids::{BlobId, CaseId, IntakeId},
    moment::Moment,
};

/// How often the same bytes are opened before a person has to look.
pub const MOST_ATTEMPTS: u8 = 3;

/// Something that happened to a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntakeEvent {
    /// It came; this is what came. Once more where nothing of it could be fetched before.
    Kept {
        /// The way it came.
        channel: Channel,
        /// The service it says it is for.
        service: String,
        /// Its parts, as they came.
        raw: RawSubmission,
    },
    /// Its bytes are about to be opened.
    Attempted {
        /// The how-manieth time.
        number: u8,
    },
    /// It became a case.
    BecameCase {
        /// The case.
        case: CaseId,
    },
    /// It broke the rules of the channel; its sender gets a signed rejection.
    Rejected {
        /// What was wrong, in the words of the channel: type and instance of each problem.
        problems: Vec<RejectedFor>,
        /// The signed rejection.
        receipt: Receipt,
    },
    /// A person has to look.
    NeedsClearing {
        /// Why.
        reason: ClearingReason,
    },
    /// A person had a look and wants it tried again.
    Retried,
    /// What became of the signed rejection.
    ReceiptNoted {
        /// How it stands.
        state: ReceiptState,
    },
    /// The attempt ended before its bytes could be to blame (network, a busy house): it does not count.
    AttemptSpared,
    /// The delivery service refuses the signed verdict for good: a person has to look.
    VerdictRefused {
        /// Where its outcome is noted.
        of: ReceiptOf,
        /// The signed verdict.
        receipt: Receipt,
    },
    /// A person had a look and wants the same signed verdict sent again.
    SentAgain {
        /// Where its outcome is noted.
        of: ReceiptOf,
        /// The signed verdict.
        receipt: Receipt,
    },
}

impl IntakeEvent {
    /// Whether it only says what became of a submission that was taken before: such events pass also where there is no
    /// room for anything new (law 9).
    #[must_use]
    pub const fn is_acknowledgement(&self) -> bool {
        match self {
            Self::Kept { .. } | Self::Attempted { .. } | Self::Retried => false,
            Self::BecameCase { .. }
            | Self::Rejected { .. }
            | Self::NeedsClearing { .. }
            | Self::ReceiptNoted { .. }
            | Self::AttemptSpared
            | Self::VerdictRefused { .. }
            | Self::SentAgain { .. } => true,
        }
    }
}

/// An intake event with its moment. Nobody but the house causes them, except a retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedIntake {
    /// When it happened.
    pub at: Moment,
    /// What happened.
    pub event: IntakeEvent,
}

/// The parts of a submission as they came: still encrypted to our destination, and sealed again by the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawSubmission {
    /// The encrypted metadata.
    pub metadata: RawPart,
    /// The encrypted form data.
    pub data: Option<RawPart>,
    /// The security event tokens of the case's log.
    pub event_log: Vec<String>,
}

impl RawSubmission {
    /// What is kept of a submission of which nothing could be fetched.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { metadata: RawPart::Inline(String::new()), data: None, event_log: Vec::new() }
    }

    /// Whether that is so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::nothing()
    }
}

/// One part of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RawPart {
    /// Short enough for the journal.
    Inline(String),
    /// In the blob store.
    Blob(BlobId),
}

/// A problem that a submission was rejected for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedFor {
    /// The problem's type URI.
    pub problem: String,
    /// The part it is in.
    pub instance: String,
}

/// Why a person has to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClearingReason {
    /// The bytes failed [`MOST_ATTEMPTS`] times; they are not opened again.
    FailedThreeTimes,
    /// No routing rule names an org unit.
    NoResponsibleUnit,
    /// Accepted, but the data could not be read as a form.
    NotMapped,
    /// The delivery service shows a verdict that we did not give.
    ForeignVerdict,
    /// The delivery service refuses our verdict for good.
    VerdictRefused,
    /// Good, but longer than any case: neither accepted nor rejected.
    TooLong,
    /// It is longer than anything that is fetched here; nothing of it was opened.
    TooLarge,
}

/// A submission as its events have made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// The way it came.
    pub channel: Channel,
    /// The service it says it is for.
    pub service: String,
    /// Its parts.
    pub raw: RawSubmission,
    /// When it came.
    pub kept: Moment,
    /// How often its bytes were opened since a person last looked.
    pub attempts: u8,
    /// Where it stands.
    pub state: IntakeState,
    /// Since when.
    pub since: Moment,
    /// How the signed rejection stands.
    pub receipt: ReceiptState,
    /// The case it became, also while a person has to look.
    pub case: Option<CaseId>,
    /// The verdict that the delivery service refuses, while a person has to look.
    pub refused: Option<RefusedVerdict>,
}

/// A signed verdict that the delivery service does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedVerdict {
    /// Where its outcome is noted.
    pub of: ReceiptOf,
    /// The signed verdict.
    pub receipt: Receipt,
    /// Where the submission stood when that was known.
    pub stood: Box<IntakeState>,
}

/// Where a submission stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntakeState {
    /// On its way.
    Open,
    /// It is a case.
    Case(CaseId),
    /// Its sender was told why not.
    Rejected(Vec<RejectedFor>),
    /// A person has to look.
    Clearing(ClearingReason),
}

impl ClearingReason {
    /// Whether trying the same bytes again can lead anywhere. Where the submission is a case already, the case is where a
    /// person goes on; a foreign verdict is settled outside. What was too long is not once the operator has raised the limit.
    #[must_use]
    pub const fn may_be_retried(&self) -> bool {
        matches!(self, Self::FailedThreeTimes | Self::VerdictRefused | Self::TooLong | Self::TooLarge)
    }
}

impl Intake {
    /// What a person's wish to have it tried again makes happen; nothing where it does not wait for that.
    #[must_use]
    pub fn retried(&self) -> Option<IntakeEvent> {
        match (&self.state, &self.refused) {
            (
                IntakeState::Clearing(
                    ClearingReason::FailedThreeTimes | ClearingReason::TooLong | ClearingReason::TooLarge,
                ),
                _,
            ) => Some(IntakeEvent::Retried),
            (IntakeState::Clearing(ClearingReason::VerdictRefused), Some(refused)) => {
                Some(IntakeEvent::SentAgain { of: refused.of, receipt: refused.receipt.clone() })
            }
            _ => None,
        }
    }

    /// The submission that these events made; `None` before it was kept.
    pub fn fold<'e>(events: impl IntoIterator<Item = &'e RecordedIntake>) -> Option<Self> {
        events.into_iter().fold(None, Self::apply)
    }

    /// The submission after one more event.
    #[must_use]
    pub fn apply(intake: Option<Self>, recorded: &RecordedIntake) -> Option<Self> {
        let at = recorded.at;
        match (intake, &recorded.event) {
            (None, IntakeEvent::Kept { channel, service, raw }) => Some(Self {
                channel: channel.clone(),
                service: service.clone(),
                raw: raw.clone(),
                kept: at,
                attempts: 0,
                state: IntakeState::Open,
                since: at,
                receipt: ReceiptState::NotNeeded,
                case: None,
                refused: None,
            }),
            (Some(intake), event) => Some(intake.after(event, at)),
            (None, _) => None,
        }
    }

    fn after(mut self, event: &IntakeEvent, at: Moment) -> Self {
        let state = match event {
            IntakeEvent::Kept { service, raw, .. } => {
                if self.raw.is_empty() {
                    (self.service, self.raw) = (service.clone(), raw.clone());
                }
                None
            }
            IntakeEvent::Attempted { number } => {
                self.attempts = *number;
                None
            }
            IntakeEvent::BecameCase { case } => {
                self.case = Some(*case);
                Some(IntakeState::Case(*case))
            }
            IntakeEvent::Rejected { problems, .. } => {
                self.receipt = ReceiptState::Pending;
                Some(IntakeState::Rejected(problems.clone()))
            }
            IntakeEvent::NeedsClearing { reason } => Some(IntakeState::Clearing(reason.clone())),
            IntakeEvent::Retried => {
                self.attempts = 0;
                Some(IntakeState::Open)
            }
            IntakeEvent::ReceiptNoted { state } => {
                self.receipt = *state;
                None
            }
            IntakeEvent::AttemptSpared => {
                self.attempts = self.attempts.saturating_sub(1);
                None
            }
            IntakeEvent::VerdictRefused { of, receipt } => {
                if matches!(of, ReceiptOf::Intake(_)) {
                    self.receipt = ReceiptState::Refused;
                }
                let stood = Box::new(self.state.clone());
                self.refused = Some(RefusedVerdict { of: *of, receipt: receipt.clone(), stood });
                Some(IntakeState::Clearing(ClearingReason::VerdictRefused))
            }
            IntakeEvent::SentAgain { of, .. } => {
                if matches!(of, ReceiptOf::Intake(_)) {
                    self.receipt = ReceiptState::Pending;
                }
                self.refused.take().map(|refused| *refused.stood)
            }
        };
        if let Some(state) = state {
            (self.state, self.since) = (state, at);
        }
        self
    }

    /// Counts the next attempt, or says that a person has to look.
    #[must_use]
    pub fn next_attempt(&self) -> IntakeEvent {
        if self.attempts >= MOST_ATTEMPTS {
            IntakeEvent::NeedsClearing { reason: ClearingReason::FailedThreeTimes }
        } else {
            IntakeEvent::Attempted { number: self.attempts + 1 }
        }
    }
}

/// The effects of one event of an intake stream.
#[must_use]
pub fn effects(intake: IntakeId, event: &IntakeEvent) -> Vec<Effect> {
    match event {
        IntakeEvent::Rejected { receipt, .. } => {
            vec![Effect::SendReceipt { of: ReceiptOf::Intake(intake), receipt: receipt.clone() }]
        }
        IntakeEvent::SentAgain { of, receipt } => vec![Effect::SendReceipt { of: *of, receipt: receipt.clone() }],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DestinationId, FitCaseId, SubmissionId};

    fn events(then: &[IntakeEvent]) -> Vec<RecordedIntake> {
        let channel = Channel::FitConnect {
            destination: DestinationId::from_random([1; 16]),
            submission: SubmissionId::from_random([2; 16]),
            case: FitCaseId::from_random([3; 16]),
        };
        let raw = RawSubmission { metadata: RawPart::Inline("m".into()), data: None, event_log: Vec::new() };
        let kept = IntakeEvent::Kept { channel, service: "urn:x:y".into(), raw };
        let recorded = |(at, event): (usize, &IntakeEvent)| RecordedIntake {
            at: Moment::from_seconds(i64::try_from(at).expect("few")),
            event: event.clone(),
        };
        std::iter::once(&kept).chain(then).enumerate().map(recorded).collect()
    }

    #[test]
    fn bytes_that_failed_three_times_are_not_opened_again() {
        let attempts: Vec<_> = (1..=MOST_ATTEMPTS).map(|number| IntakeEvent::Attempted { number }).collect();
        let intake = Intake::fold(&events(&attempts)).expect("kept");
        let reason = ClearingReason::FailedThreeTimes;
        assert_eq!(intake.next_attempt(), IntakeEvent::NeedsClearing { reason });
    }

    #[test]
    fn what_was_too_long_for_a_case_may_be_tried_again() {
        let reason = ClearingReason::TooLong;
        let intake = Intake::fold(&events(&[IntakeEvent::NeedsClearing { reason }])).expect("kept");
        assert_eq!(intake.retried(), Some(IntakeEvent::Retried));
    }

    #[test]
    fn a_retry_by_a_person_counts_from_the_start() {
        let reason = ClearingReason::FailedThreeTimes;
        let clearing =
            [IntakeEvent::Attempted { number: 3 }, IntakeEvent::NeedsClearing { reason }, IntakeEvent::Retried];
        let intake = Intake::fold(&events(&clearing)).expect("kept");
        assert_eq!((intake.next_attempt(), intake.state), (IntakeEvent::Attempted { number: 1 }, IntakeState::Open));
    }

    #[test]
    fn what_was_too_long_is_kept_and_opened_once_a_person_had_the_limit_raised() {
        let all = events(&[]);
        let IntakeEvent::Kept { channel, service, raw } = all[0].event.clone() else { panic!("it is kept") };
        let nothing =
            IntakeEvent::Kept { channel: channel.clone(), service: String::new(), raw: RawSubmission::nothing() };
        let reason = ClearingReason::TooLarge;
        let recorded = |event| RecordedIntake { at: Moment::from_seconds(0), event };
        let mut history = vec![recorded(nothing), recorded(IntakeEvent::NeedsClearing { reason })];
        let intake = Intake::fold(&history).expect("kept");
        assert_eq!((intake.raw.is_empty(), intake.retried()), (true, Some(IntakeEvent::Retried)));
        history.push(recorded(IntakeEvent::Retried));
        for raw in [raw.clone(), RawSubmission { event_log: vec!["a.b.c".into()], ..raw.clone() }] {
            history.push(recorded(IntakeEvent::Kept { channel: channel.clone(), service: service.clone(), raw }));
        }
        let intake = Intake::fold(&history).expect("kept");
        assert_eq!(
            (intake.raw, intake.service, intake.state),
            (raw, service, IntakeState::Open),
            "the first that came"
        );
    }

    #[test]
    fn an_attempt_that_was_not_the_fault_of_the_bytes_does_not_count() {
        let events = events(&[IntakeEvent::Attempted { number: 1 }, IntakeEvent::AttemptSpared]);
        assert_eq!(Intake::fold(&events).expect("kept").next_attempt(), IntakeEvent::Attempted { number: 1 });
    }

    #[test]
    fn what_became_a_case_is_not_tried_again_but_says_which_case() {
        let case = CaseId::from_u128(7);
        let reason = ClearingReason::NotMapped;
        let cleared = [IntakeEvent::BecameCase { case }, IntakeEvent::NeedsClearing { reason }];
        let intake = Intake::fold(&events(&cleared)).expect("kept");
        assert_eq!((intake.case, intake.retried()), (Some(case), None));
    }

    #[test]
    fn a_verdict_that_is_refused_for_good_waits_for_a_person_who_sends_the_same_bytes_again() {
        let (id, of) = (IntakeId::from_u128(8), ReceiptOf::Intake(IntakeId::from_u128(8)));
        let receipt = Receipt {
            destination: DestinationId::from_random([1; 16]),
            submission: SubmissionId::from_random([2; 16]),
            case: FitCaseId::from_random([3; 16]),
            token: "a.b.c".into(),
        };
        let rejected = IntakeEvent::Rejected { problems: Vec::new(), receipt: receipt.clone() };
        let refused = IntakeEvent::VerdictRefused { of, receipt: receipt.clone() };
        let stopped = [rejected, refused];
        let intake = Intake::fold(&events(&stopped)).expect("kept");
        assert_eq!(intake.state, IntakeState::Clearing(ClearingReason::VerdictRefused));
        assert_eq!(intake.receipt, ReceiptState::Refused);
        let again = intake.retried().expect("a person may send it again");
        assert_eq!(effects(id, &again), [Effect::SendReceipt { of, receipt }]);
        let on_its_way = Intake::fold(&events(&[stopped[0].clone(), stopped[1].clone(), again])).expect("kept");
        assert_eq!(on_its_way.state, IntakeState::Rejected(Vec::new()), "it stands where it stood");
        assert_eq!((on_its_way.receipt, on_its_way.retried()), (ReceiptState::Pending, None));
    }

    #[test]
    fn nothing_is_there_before_it_was_kept() {
        assert_eq!(Intake::fold(&events(&[])[1..]), None);
    }
}
