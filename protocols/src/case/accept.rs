//! Annehmen: a caseworker takes a new case on and is in charge of it from now on.

use super::{Act, Action, By, Case, Command, Event, Refusal, existing};

/// Take the case on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accept;

impl Command for Accept {
    fn minds(event: &Event) -> bool {
        matches!(event, Event::StatusChanged { .. })
    }

    fn decide(self, case: Option<&Case>, act: &Act) -> Result<Vec<Event>, Refusal> {
        let case = existing(case)?;
        let to = case.status.after(Action::Accept)?;
        let mut events = vec![Event::StatusChanged { action: Action::Accept, to }];
        if let (None, By::Person(person)) = (&case.assignee, &act.by) {
            events.push(Event::Assigned { to: Some(person.clone()) });
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{
        Status,
        scenario::{assigned_to, given, moved, person, received},
    };

    #[test]
    fn whoever_accepts_a_case_is_in_charge_of_it() {
        given([received()])
            .when(Accept)
            .by("erika")
            .then([Event::StatusChanged { action: Action::Accept, to: Status::Accepted }, assigned_to("erika")]);
    }

    #[test]
    fn accepting_does_not_take_a_case_away_from_somebody() {
        let case = given([received(), assigned_to("max")]).when(Accept).by("erika").after();
        assert_eq!(case.assignee, Some(person("max")));
    }

    #[test]
    fn a_discarded_case_has_to_be_fetched_back_first() {
        given([received(), moved(Action::Discard, Status::Discarded)])
            .when(Accept)
            .by("erika")
            .refused(Refusal::NotPossible { action: Action::Accept, status: Status::Discarded });
    }
}
