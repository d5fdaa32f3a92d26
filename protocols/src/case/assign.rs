//! Zuweisen und freigeben: somebody gets the case, or nobody has it any more.

use super::{Act, Case, Command, Event, Person, Refusal, existing};

/// Put this person in charge, or nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assign(pub Option<Person>);

impl Command for Assign {
    fn minds(event: &Event) -> bool {
        matches!(event, Event::Assigned { .. })
    }

    fn decide(self, case: Option<&Case>, _: &Act) -> Result<Vec<Event>, Refusal> {
        let same = |one: &Option<Person>, other: &Option<Person>| {
            one.as_ref().map(|person| &person.user) == other.as_ref().map(|person| &person.user)
        };
        if same(&existing(case)?.assignee, &self.0) {
            Err(Refusal::NothingToDo)
        } else {
            Ok(vec![Event::Assigned { to: self.0 }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::scenario::{assigned_to, given, person, received};

    #[test]
    fn a_case_can_be_handed_to_a_colleague() {
        let case = given([received(), assigned_to("erika")]).when(Assign(Some(person("max")))).by("erika").after();
        assert_eq!(case.assignee, Some(person("max")));
    }

    #[test]
    fn a_case_can_be_released() {
        let case = given([received(), assigned_to("erika")]).when(Assign(None)).by("erika").after();
        assert_eq!(case.assignee, None);
    }

    #[test]
    fn assigning_to_the_same_person_changes_nothing() {
        given([received(), assigned_to("max")])
            .when(Assign(Some(person("max"))))
            .by("erika")
            .refused(Refusal::NothingToDo);
    }
}
