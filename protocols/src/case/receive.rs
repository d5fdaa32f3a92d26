//! Eingang: an application becomes a case. Given by the intake, never by a person.

use super::{Act, Case, CaseNumber, Command, Event, Followed, Receipt, Refusal};
use crate::{
    application::Application,
    ids::{CaseId, OrgUnitId},
};

/// Make a case of this application.
#[derive(Debug, Clone, PartialEq)]
pub struct Receive {
    /// The number it gets.
    pub number: CaseNumber,
    /// What was applied for.
    pub application: Box<Application>,
    /// The org unit that routing found.
    pub org_unit: Option<OrgUnitId>,
    /// The case it continues.
    pub continues: Option<CaseId>,
    /// The acceptance, signed before this order was given.
    pub receipt: Option<Receipt>,
    /// What of the tenant's tables it followed.
    pub followed: Followed,
}

impl Command for Receive {
    fn minds(_: &Event) -> bool {
        false
    }

    fn decide(self, case: Option<&Case>, _: &Act) -> Result<Vec<Event>, Refusal> {
        if case.is_some() {
            return Err(Refusal::ExistsAlready);
        }
        let Self { number, application, org_unit, continues, receipt, followed } = self;
        Ok(vec![Event::Received { number, application, org_unit, continues, receipt, followed }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{
        Status,
        scenario::{application, given, received},
    };

    fn receive() -> Receive {
        let number = CaseNumber::new("MUS", 2026, 1);
        let (application, followed) = (Box::new(application()), Followed::default());
        Receive { number, application, org_unit: None, continues: None, receipt: None, followed }
    }

    #[test]
    fn an_application_becomes_a_new_case_that_nobody_is_in_charge_of() {
        let case = given([]).when(receive()).by_the_house().after();
        assert_eq!((case.status, case.assignee), (Status::New, None));
    }

    #[test]
    fn a_case_is_received_once() {
        given([received()]).when(receive()).by_the_house().refused(Refusal::ExistsAlready);
    }
}
