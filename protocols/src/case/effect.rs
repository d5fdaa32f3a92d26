//! What has to leave the house because something happened (law 5). Pure, like the fold beside it.

use serde::{Deserialize, Serialize};

use super::{Event, Receipt};
use crate::ids::{CaseId, IntakeId};

/// Something to carry out once its event is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Send the signed verdict, these very bytes, until the delivery service shows it.
    SendReceipt {
        /// Where its outcome is noted.
        of: ReceiptOf,
        /// What to send, and where.
        receipt: Receipt,
    },
}

/// Where the outcome of a signed verdict is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReceiptOf {
    /// An acceptance: on the case it made.
    Case(CaseId),
    /// A rejection: on the intake that found the problems.
    Intake(IntakeId),
}

/// The effects of one event of a case.
#[must_use]
pub fn effects(case: CaseId, event: &Event) -> Vec<Effect> {
    match event {
        Event::Received { receipt: Some(receipt), .. } => {
            vec![Effect::SendReceipt { of: ReceiptOf::Case(case), receipt: receipt.clone() }]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::scenario::{received, received_with_receipt};

    #[test]
    fn a_signed_acceptance_leaves_the_house_with_its_case() {
        let sent = effects(CaseId::from_u128(7), &received_with_receipt());
        assert!(matches!(&sent[..], [Effect::SendReceipt { of, .. }] if *of == ReceiptOf::Case(CaseId::from_u128(7))));
    }

    #[test]
    fn a_case_without_an_acceptance_sends_nothing() {
        assert_eq!(effects(CaseId::from_u128(7), &received()), []);
    }
}
