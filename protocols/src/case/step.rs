//! The plain steps: bearbeiten, zurückstellen, verwerfen, zurückholen. Each only moves the status along the table.

use super::{Act, Action, Case, Command, Event, Refusal, existing};

macro_rules! step {
    ($(#[$doc:meta])* $name:ident, $action:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name;

        impl Command for $name {
            fn minds(event: &Event) -> bool {
                matches!(event, Event::StatusChanged { .. })
            }

            fn decide(self, case: Option<&Case>, _: &Act) -> Result<Vec<Event>, Refusal> {
                let to = existing(case)?.status.after($action)?;
                Ok(vec![Event::StatusChanged { action: $action, to }])
            }
        }
    };
}

step!(
    /// Bearbeiten: work begins.
    StartWork, Action::StartWork
);
step!(
    /// Zurückstellen: one step back, from work to accepted or from accepted to new.
    PutBack, Action::PutBack
);
step!(
    /// Verwerfen: a new case that is none (spam, a test, a mistake).
    Discard, Action::Discard
);
step!(
    /// Zurückholen: a discarded case is new again.
    FetchBack, Action::FetchBack
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{
        Status,
        scenario::{given, moved, received},
    };

    #[test]
    fn putting_back_undoes_one_step_at_a_time() {
        let accepted = [received(), moved(Action::Accept, Status::Accepted)];
        assert_eq!(given(accepted).when(PutBack).by("erika").after().status, Status::New);
        let working = [received(), moved(Action::StartWork, Status::InProgress)];
        assert_eq!(given(working).when(PutBack).by("erika").after().status, Status::Accepted);
    }

    #[test]
    fn a_case_in_work_cannot_be_discarded() {
        given([received(), moved(Action::StartWork, Status::InProgress)])
            .when(Discard)
            .by("erika")
            .refused(Refusal::NotPossible { action: Action::Discard, status: Status::InProgress });
    }

    #[test]
    fn a_discarded_case_comes_back_as_new() {
        let discarded = [received(), moved(Action::Discard, Status::Discarded)];
        assert_eq!(given(discarded).when(FetchBack).by("erika").after().status, Status::New);
    }

    #[test]
    fn nothing_can_be_done_with_a_case_that_is_not_there() {
        given([]).when(StartWork).by("erika").refused(Refusal::NoSuchCase);
    }
}
