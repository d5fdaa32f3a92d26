//! Eingangsbestätigung: what became of the signed acceptance. Given by the outbox, never by a person.

use super::{Act, Case, Command, Event, ReceiptState, Refusal, existing};

/// Note how the signed acceptance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteReceipt(pub ReceiptState);

impl Command for NoteReceipt {
    fn minds(_: &Event) -> bool {
        false
    }

    fn decide(self, case: Option<&Case>, _: &Act) -> Result<Vec<Event>, Refusal> {
        if existing(case)?.receipt == self.0 {
            Err(Refusal::NothingToDo)
        } else {
            Ok(vec![Event::ReceiptNoted { state: self.0 }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::scenario::{given, received_with_receipt};

    #[test]
    fn a_delivered_acceptance_is_noted_once() {
        let noted = Event::ReceiptNoted { state: ReceiptState::Delivered };
        let deliver = NoteReceipt(ReceiptState::Delivered);
        given([received_with_receipt()]).when(deliver).by_the_house().then([noted.clone()]);
        given([received_with_receipt(), noted]).when(deliver).by_the_house().refused(Refusal::NothingToDo);
    }
}
